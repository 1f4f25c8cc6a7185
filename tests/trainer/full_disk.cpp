// Preloaded by full_disk_test.py: the disk is full for the file that SIDESTEP_FULL_DISK_FOR names, and for no other;
// from the beginning, or behind as many writes to it as SIDESTEP_FULL_DISK_AFTER says.
#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>

extern "C" ssize_t write(int descriptor, const void* bytes, size_t count) {
  static const auto real = reinterpret_cast<ssize_t (*)(int, const void*, size_t)>(::dlsym(RTLD_NEXT, "write"));
  static const char* const full = std::getenv("SIDESTEP_FULL_DISK_FOR");
  static const char* const after = std::getenv("SIDESTEP_FULL_DISK_AFTER");
  static std::atomic<int> room{after != nullptr ? std::atoi(after) : 0};
  if (full != nullptr) {
    std::array<char, 64> link{};
    std::array<char, 4096> name{};
    std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", descriptor);
    const ssize_t length = ::readlink(link.data(), name.data(), name.size());
    // its temporary name holds its own
    if (length > 0 &&
        std::string_view(name.data(), static_cast<std::size_t>(length)).find(full) != std::string_view::npos) {
      if (room.fetch_sub(1) > 0) return real(descriptor, bytes, count);
      errno = ENOSPC;
      return -1;
    }
  }
  return real(descriptor, bytes, count);
}
