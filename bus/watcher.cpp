#include <sidestep/bus/watcher.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace sidestep {
namespace {

using Kind = WatchError::Kind;

constexpr std::chrono::seconds patience_with_run(5);

Descriptor connect_to_bus(const std::filesystem::path& place) {
  try {
    Descriptor socket = local_socket::connect_to(place);
    // Whoever likes may listen under this name, and who listens lets only its own user in.
    const uid_t who = local_socket::peer(socket);
    if (who != ::geteuid() && ::geteuid() != 0)
      throw WatchError(Kind::forbidden,
                       place.string() + ": it belongs to user " + std::to_string(who) + ": only he can watch it.");
    return socket;
  } catch (const std::system_error& error) {
    switch (error.code().value()) {
      case ENOENT:
      case ENOTDIR:
        throw WatchError(Kind::place, place.string() + ": there is no such file or folder.");
      case EACCES:
        throw WatchError(Kind::forbidden, place.string() + ": you may not look into it.");
      case ECONNREFUSED:
        throw WatchError(Kind::not_live, place.string() + ": no bus is shared there now.");
      case EAGAIN:
        throw WatchError(Kind::silent, place.string() + ": too many wait to watch it.");
      default:
        throw WatchError(Kind::system, place.string() + ": can't be watched: " + error.code().message() + ".");
    }
  }
}

Descriptor ask_for_memory(const std::filesystem::path& place, const Descriptor& socket) {
  shared_layout::Hello hello{};
  std::optional<local_socket::Received> answer;
  try {
    answer = local_socket::receive(socket, std::as_writable_bytes(std::span(&hello, 1)), patience_with_run);
  } catch (const std::system_error& error) {
    throw WatchError(Kind::system, place.string() + ": can't be watched: " + error.code().message() + ".");
  }
  if (!answer) throw WatchError(Kind::silent, place.string() + ": its process doesn't answer. Has it been stopped?");
  if (answer->bytes == 0)
    throw WatchError(Kind::forbidden,
                     place.string() + ": its process lets only its own user watch, or has just ended.");
  if (answer->bytes != sizeof hello || hello.magic != shared_layout::magic)
    throw WatchError(Kind::foreign, place.string() + ": what answers there isn't a bus.");
  if (hello.version > shared_layout::version)
    throw WatchError(Kind::newer,
                     place.string() + ": it belongs to a later version of Sidestep: watch it with that one.");
  if (hello.welcome == 0)
    throw WatchError(Kind::full, place.string() + ": it has as many watchers as it takes: end one of them.");
  if (!answer->descriptor) throw WatchError(Kind::foreign, place.string() + ": what answers there isn't a bus.");
  return std::move(answer->descriptor);
}

}  // namespace

Watcher::Mapping::Mapping(const Descriptor& memory) {
  struct stat about {};
  const auto refuse = [](const char* what) {
    throw WatchError(Kind::foreign, std::string("what was handed over ") + what + ".");
  };
  if (::fstat(memory.get(), &about) != 0 || !S_ISREG(about.st_mode)) refuse("isn't memory");
  // Only memory that can't shrink may be read without a thought.
  const int seals = ::fcntl(memory.get(), F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) refuse("isn't sealed memory");
  if (about.st_size < static_cast<off_t>(sizeof(shared_layout::Header)) ||
      about.st_size > static_cast<off_t>(shared_layout::most_bytes))
    refuse("has an impossible size");
  size_ = static_cast<std::size_t>(about.st_size);
  void* const at = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, memory.get(), 0);
  if (at == MAP_FAILED)
    throw WatchError(Kind::system, "its memory can't be mapped: " + std::generic_category().message(errno) + ".");
  at_ = static_cast<const std::byte*>(at);
}

Watcher::Mapping::~Mapping() { ::munmap(const_cast<std::byte*>(at_), size_); }

Watcher::Watcher(const std::filesystem::path& place)
    : socket_(connect_to_bus(place)), memory_(ask_for_memory(place, socket_)), bus_(memory_.bytes()) {}

void Watcher::wait(std::chrono::milliseconds time) noexcept {
  pollfd wait{.fd = socket_.get(), .events = 0, .revents = 0};
  if (gone_) return;  // what is left is there already
  if (::poll(&wait, 1, static_cast<int>(time.count())) > 0) gone_ = true;
}

}  // namespace sidestep
