#include <sidestep/bus/waker.hpp>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace sidestep {

void Futex::wait(std::atomic<std::uint32_t>& word, Nanoseconds nap) noexcept {
  const timespec timeout{nap / 1'000'000'000, nap % 1'000'000'000};
  static_assert(sizeof(word) == 4);
  syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAIT_PRIVATE, 0, &timeout, nullptr, 0);
}

void Futex::wake(std::atomic<std::uint32_t>& word) noexcept {
  syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

}  // namespace sidestep
