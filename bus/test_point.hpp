#pragma once

#ifdef SIDESTEP_TEST_POINTS
#include <atomic>
#endif

namespace sidestep {

/// Places where a test may hold a thread, to drive it through an order of its choice. Empty in every build but the
/// tests' own.
enum class Point {
  ring_full,         ///< a publisher found its ring full and is about to wait
  span_taken,        ///< the dispatcher has taken events and not run them yet
  word_inline,       ///< inline deciders have run; their word isn't stored yet
  cursor,            ///< the dispatcher is about to release what it has read
  putting_back,      ///< the dispatcher is about to put spilled events back into their ring
  giving_up,         ///< a handler that hangs was failed; the bus isn't given up yet
  queue_full,        ///< the dispatcher waits for room behind observe_on
  item_taken,        ///< an executor has dequeued an item and not handled it yet
  word_observed,     ///< an observed decider has run; its word isn't stored yet
  request_enqueued,  ///< a request is in the mailbox; the word doesn't cover it yet
  mailbox,           ///< the trainer is about to look into a queue of requests or of metrics from outside
  boundary_wait,     ///< the trainer waits at a boundary for a decider
  draining,          ///< at close the dispatcher waits for executors
  cut_answered,      ///< a pipeline has handed over its state for a checkpoint
};

#ifdef SIDESTEP_TEST_POINTS
/// `who` is the Subscription, Ring or Loop that the point belongs to, or null.
using TestHook = void (*)(Point, const void* who);
inline std::atomic<TestHook> test_hook{nullptr};
inline void test_point(Point point, const void* who = nullptr) {
  // acquire: pairs with the test's release store of its hook, whose data the hook reads
  if (const TestHook hook = test_hook.load(std::memory_order_acquire)) hook(point, who);
}
#else
constexpr void test_point(Point, const void* = nullptr) noexcept {}
#endif

}  // namespace sidestep
