#pragma once

#include <sidestep/bus/meter.hpp>
#include <sidestep/bus/told.hpp>

namespace sidestep {

/// What has gone into the queue of one observe_on, and what is done. For values: handed = finished + dropped + queued.
template <class Atomics = StdAtomics>
struct BasicQueueAccount {
  template <class T>
  using Atomic = typename Atomics::template Atomic<T>;

  BasicCounter<Atomics> handed, dropped;  ///< by the dispatcher
  BasicCounter<Atomics> marks_pushed;     ///< by the dispatcher: everything that isn't a value
  Atomic<std::uint64_t> finished{0}, marks_done{0};  ///< by the executor: finish(), mark_done()
  BasicTold<bool, Atomics> given_up;      ///< by either: what is in it will never be done, and nobody waits for it
  Meter meter;                            ///< by the executor

  /// One value is done: only one thread at a time says so. Release: pairs with idle().
  void finish() noexcept { finished.store(finished.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  void mark_done() noexcept { marks_done.fetch_add(1, std::memory_order_release); }  // pairs with idle()

  std::uint64_t queued() const noexcept {
    // relaxed: a number; the least of it before `handed`, or what is handed and dropped meanwhile would be missing there
    const std::uint64_t gone = finished.load(std::memory_order_relaxed) + dropped.get();
    const std::uint64_t in = handed.get();
    return in > gone ? in - gone : 0;
  }
  /// Whoever finds it idle finds what its handlers did: what they published is counted in its ring.
  bool idle() const noexcept {
    return given_up.load() ||
           (finished.load(std::memory_order_acquire) + dropped.get() >= handed.get() &&      // pairs with finish()
            marks_done.load(std::memory_order_acquire) >= marks_pushed.get());               // pairs with mark_done()
  }
};

using QueueAccount = BasicQueueAccount<>;

}  // namespace sidestep
