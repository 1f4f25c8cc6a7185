#pragma once

#include <sidestep/bus/atomics.hpp>
#include <sidestep/bus/types.hpp>

#include <cstdint>

namespace sidestep {

/// Sleeping on a word, as the system offers it.
struct Futex {
  /// Until wake(), or for `nap`, or not at all if the word isn't 0.
  static void wait(std::atomic<std::uint32_t>& word, Nanoseconds nap) noexcept;
  static void wake(std::atomic<std::uint32_t>& word) noexcept;
};

/// Ends somebody's nap. Used by those who wait and by those who have slept; publishing never calls it.
template <class Atomics = StdAtomics, class Sleep = Futex>
class BasicWaker {
 public:
  /// Sleeps until wake() or for at most `nap`. A wake that came before ends it at once. Who is woken finds what he was
  /// woken for.
  void sleep(Nanoseconds nap) noexcept {
    if (signal_.exchange(0, std::memory_order_acquire) != 0) return;  // pairs with wake()
    Sleep::wait(signal_, nap);
    signal_.exchange(0, std::memory_order_acquire);  // pairs with wake()
  }
  /// A read-modify-write, since it goes on with the release sequence of whoever woke before: one signal stands for all.
  void wake() noexcept {
    signal_.exchange(1, std::memory_order_release);  // pairs with both in sleep()
    Sleep::wake(signal_);
  }

 private:
  typename Atomics::template Atomic<std::uint32_t> signal_{0};
};

using Waker = BasicWaker<>;

}  // namespace sidestep
