#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace sidestep {

/// A file descriptor that is closed at its end.
class Descriptor {
 public:
  Descriptor() noexcept = default;
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();

  int get() const noexcept { return number_; }
  explicit operator bool() const noexcept { return number_ >= 0; }

 private:
  int number_ = -1;
};

/// Sockets of this machine that belong to a file or folder. They have no name in the file system, so a killed process
/// leaves nothing behind and a path may have any length; who may talk is found out by asking the system who the other
/// one is. All of them throw std::system_error.
namespace local_socket {

/// Listens for those who connect to this file or folder. EADDRINUSE: another process does.
Descriptor listen_at(const std::filesystem::path& place);
/// Connects to who listens there. ECONNREFUSED: nobody does.
Descriptor connect_to(const std::filesystem::path& place);
/// The user of the process at the other end.
uid_t peer(const Descriptor& socket);

/// Sends some bytes and a descriptor; never waits. False: it couldn't be sent.
bool send(const Descriptor& socket, std::span<const std::byte> bytes, int descriptor) noexcept;
struct Received {
  std::size_t bytes = 0;  ///< 0: the other end closed it
  Descriptor descriptor;
};
/// One message of at most `to.size()` bytes, and a descriptor if one came. Nothing: none came in this time.
std::optional<Received> receive(const Descriptor& socket, std::span<std::byte> to, std::chrono::milliseconds timeout);

}  // namespace local_socket
}  // namespace sidestep
