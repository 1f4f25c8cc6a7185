#include <sidestep/bus/local_socket.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <system_error>

namespace sidestep {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    if (number_ >= 0) ::close(number_);
    number_ = std::exchange(other.number_, -1);
  }
  return *this;
}

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

namespace local_socket {
namespace {

[[noreturn]] void fail_socket(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

struct Address {
  sockaddr_un name{};
  socklen_t size = 0;
};

/// An abstract name, made of what tells files apart.
Address address_of(const std::filesystem::path& place) {
  struct stat about {};
  if (::stat(place.c_str(), &about) != 0) fail_socket("stat");
  Address address;
  address.name.sun_family = AF_UNIX;
  const int letters =
      std::snprintf(address.name.sun_path + 1, sizeof address.name.sun_path - 1, "sidestep.bus.%llx.%llx",
                    static_cast<unsigned long long>(about.st_dev), static_cast<unsigned long long>(about.st_ino));
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + static_cast<std::size_t>(letters));
  return address;
}

Descriptor new_socket(int flags) {
  Descriptor made(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0));
  if (!made) fail_socket("socket");
  return made;
}

}  // namespace

Descriptor listen_at(const std::filesystem::path& place) {
  const Address address = address_of(place);
  Descriptor made = new_socket(SOCK_NONBLOCK);
  if (::bind(made.get(), reinterpret_cast<const sockaddr*>(&address.name), address.size) != 0) fail_socket("bind");
  if (::listen(made.get(), 16) != 0) fail_socket("listen");
  return made;
}

Descriptor connect_to(const std::filesystem::path& place) {
  const Address address = address_of(place);
  Descriptor made = new_socket(SOCK_NONBLOCK);  // EAGAIN: so many wait already
  if (::connect(made.get(), reinterpret_cast<const sockaddr*>(&address.name), address.size) != 0)
    fail_socket("connect");
  return made;
}

uid_t peer(const Descriptor& socket) {
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) fail_socket("getsockopt");
  return who.uid;
}

bool send(const Descriptor& socket, std::span<const std::byte> bytes, int descriptor) noexcept {
  iovec part{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  alignas(cmsghdr) std::byte control[CMSG_SPACE(sizeof(int))]{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* const head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
  return ::sendmsg(socket.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

std::optional<Received> receive(const Descriptor& socket, std::span<std::byte> to, std::chrono::milliseconds timeout) {
  pollfd wait{.fd = socket.get(), .events = POLLIN, .revents = 0};
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    const int ready = ::poll(&wait, 1, static_cast<int>(left > 0 ? left : 0));
    if (ready > 0) break;
    if (ready < 0 && errno != EINTR) fail_socket("poll");
    if (ready == 0 && left <= 0) return std::nullopt;
  }
  iovec part{.iov_base = to.data(), .iov_len = to.size()};
  alignas(cmsghdr) std::byte control[CMSG_SPACE(sizeof(int))]{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = CMSG_LEN(sizeof(int));  // room for one descriptor: the system closes others
  const ssize_t bytes = ::recvmsg(socket.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (bytes < 0 && errno == ECONNRESET) return Received{};
  if (bytes < 0) fail_socket("recvmsg");
  Received received{.bytes = static_cast<std::size_t>(bytes), .descriptor = Descriptor()};
  for (const cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
       head = CMSG_NXTHDR(&message, const_cast<cmsghdr*>(head))) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof(int)))
      continue;
    int number = -1;
    std::memcpy(&number, CMSG_DATA(head), sizeof number);
    received.descriptor = Descriptor(number);
  }
  return received;
}

}  // namespace local_socket
}  // namespace sidestep
