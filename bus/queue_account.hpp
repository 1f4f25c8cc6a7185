#pragma once

#include <sidestep/bus/meter.hpp>
#include <sidestep/bus/told.hpp>

namespace sidestep {

/// What has gone into the queue of one observe_on, and what is done. For values: handed = finished + dropped + queued.
template <class Atomics = StdAtomics>
struct BasicQueueAccount {
  template <class T>
  using Atomic = typename Atomics::template Atomic<T>;

  // by whoever hands over: the dispatcher, or the executor of the observe_on before it
  BasicCounter<Atomics> handed, dropped;
  BasicCounter<Atomics> marks_pushed;  ///< everything that isn't a value
  BasicCounter<Atomics> waits;         ///< looks for room in vain. Who waits there has a deadline of his own
  Atomic<std::uint64_t> finished{0}, marks_done{0};  ///< by the executor: finish(), mark_done()
  BasicTold<bool, Atomics> given_up;  ///< by either: what is in it will never be done, and nobody waits for it
  Meter meter;                        ///< by the executor

  /// One value is done: only one thread at a time says so. Release: pairs with idle().
  void finish() noexcept { finished.store(finished.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  void mark_done() noexcept { marks_done.fetch_add(1, std::memory_order_release); }  // pairs with idle()

  std::uint64_t queued() const noexcept {
    // relaxed: a number; the least of it before `handed`, or what is handed and dropped meanwhile would be missing
    // there
    const std::uint64_t gone = finished.load(std::memory_order_relaxed) + dropped.get();
    const std::uint64_t in = handed.get();
    return in > gone ? in - gone : 0;
  }
  /// Whoever finds it idle finds what its handlers did: what they published is counted in its ring.
  bool idle() const noexcept {
    return given_up.load() || (values_done() + dropped.get() >= handed.get() && marks_finished() >= marks_pushed.get());
  }

  /// How far it must come until all that is in it now is done.
  struct Goal {
    std::uint64_t handed, dropped, marks;
  };
  Goal goal() const noexcept {
    const std::uint64_t gone = dropped.get();  // the lesser one first: see queued()
    return {handed.get(), gone, marks_pushed.get()};
  }
  /// As idle(), for who comes to something that is never idle. First in, first out: when as many are done as were in
  /// it, those are done or dropped, whatever was dropped since.
  bool reached(const Goal& goal) const noexcept {
    return idle() || (values_done() + goal.dropped >= goal.handed && marks_finished() >= goal.marks);
  }

 private:
  // pairs with finish()
  std::uint64_t values_done() const noexcept { return finished.load(std::memory_order_acquire); }
  // pairs with mark_done()
  std::uint64_t marks_finished() const noexcept { return marks_done.load(std::memory_order_acquire); }
};

using QueueAccount = BasicQueueAccount<>;

}  // namespace sidestep
