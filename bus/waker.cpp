#include <sidestep/bus/waker.hpp>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace sidestep {

void Waker::sleep(Nanoseconds nap) noexcept {
  // acquire: pairs with the release in wake(); what the waker did before is visible
  if (signal_.exchange(0, std::memory_order_acquire) != 0) return;
  const timespec timeout{nap / 1'000'000'000, nap % 1'000'000'000};
  static_assert(sizeof(signal_) == 4);
  syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&signal_), FUTEX_WAIT_PRIVATE, 0, &timeout, nullptr, 0);
  signal_.exchange(0, std::memory_order_acquire);  // pairs as above
}

void Waker::wake() noexcept {
  signal_.store(1, std::memory_order_release);  // pairs with both exchanges in sleep()
  syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&signal_), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

}  // namespace sidestep
