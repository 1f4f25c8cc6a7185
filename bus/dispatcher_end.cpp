// How a dispatcher is waited for and brought to its end: flush, close, abandon.
#include <sidestep/bus/dispatcher.hpp>
#include <sidestep/bus/test_point.hpp>

#include <algorithm>

namespace sidestep {
namespace {
constexpr Nanoseconds wait_slice = 100'000;
}

/// Changes as long as the dispatcher moves, or what it stands at does: a full queue, at close one that is drained. Each of those has
/// a deadline of its own, whose end counts as a move.
std::uint64_t Dispatcher::signs_of_life() const {
  std::uint64_t signs = heartbeat_.load(std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  for (const Handle& to : subscriptions_) {
    signs += to->failures();
    for (const auto& queue : to->queues())
      signs += queue->finished.load(std::memory_order_relaxed) + queue->marks_done.load(std::memory_order_relaxed);
  }
  return signs;
}

/// Waits until `done`, or until the dispatcher has not moved for the deadline. The deadline counts slices of this wait, not a
/// difference of clocks: a suspended process fails nobody when it wakes.
bool Dispatcher::await(const std::function<bool()>& done) {
  Nanoseconds stalled = 0;
  std::uint64_t beat = signs_of_life();
  while (!done()) {
    if (dead() || closed()) return done();
    if (!options_.thread) {
      if (!poll()) std::this_thread::sleep_for(std::chrono::nanoseconds(wait_slice));
    } else {
      waker.wake();
      std::this_thread::sleep_for(std::chrono::nanoseconds(wait_slice));
    }
    const std::uint64_t now = signs_of_life();
    stalled = now == beat && options_.thread ? stalled + wait_slice : 0;
    beat = now;
    if (stalled > options_.deadline.count() * 1'000'000) {
      // relaxed: only a name for the report
      if (Subscription* const hung = running_.load(std::memory_order_relaxed); hung != nullptr)
        hung->fail("its handler blocks the dispatcher: it has not returned within the deadline; put observe_on(io) before it.", 0);
      abandon();
      return done();
    }
  }
  return true;
}

void Dispatcher::flush() {
  if (BusThread::current()) throw BusError("flush() was called from a handler, which it would wait for: call it elsewhere.");
  struct Target { std::shared_ptr<Ring> ring; Sequence next; std::uint64_t spilled; };
  std::vector<Target> targets;
  {
    const std::lock_guard lock(mutex_);
    // acquire: pairs with the producers' releases
    for (const auto& ring : rings_) targets.push_back({ring, ring->next(), ring->spilled.load(std::memory_order_acquire)});
  }
  await([&] {
    return std::all_of(targets.begin(), targets.end(), [](const Target& target) {
      return target.ring->cursor() >= target.next &&
             target.ring->unspilled.load(std::memory_order_acquire) >= target.spilled;  // pairs with drain_spill
    });
  });
  const std::uint64_t ticket = hurry_asked_.fetch_add(1, std::memory_order_release) + 1;  // pairs with hurry()
  await([&] { return hurry_done_.load(std::memory_order_acquire) >= ticket; });          // pairs with hurry()
  await_queues(subscriptions(), true);
}

/// Waits until the queues of these are idle. One whose queue doesn't move for the deadline is failed.
void Dispatcher::await_queues(std::span<const Handle> subscriptions, bool outside) {
  for (const Handle& subscription : subscriptions) {
    Nanoseconds stalled = 0;
    std::uint64_t seen = 0;
    while (!subscription->queues_idle() && !dead()) {
      std::uint64_t done = 0;
      for (const auto& queue : subscription->queues())
        done += queue->finished.load(std::memory_order_relaxed) + queue->marks_done.load(std::memory_order_relaxed);
      stalled = done == seen ? stalled + wait_slice : 0;
      seen = done;
      if (stalled > options_.deadline.count() * 1'000'000) {
        std::uint64_t left = 0;
        for (const auto& queue : subscription->queues()) left += queue->queued();
        subscription->fail("its sink has not moved within the deadline; " + std::to_string(left) + " events were left.", 0);
        break;
      }
      if (!outside) test_point(Point::draining, subscription.get());
      if (outside && !options_.thread) poll();
      if (!outside) heartbeat_.store(heartbeat_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);  // close() waits too
      std::this_thread::sleep_for(std::chrono::nanoseconds(wait_slice));
    }
  }
}

void Dispatcher::close() {
  if (BusThread::current()) throw BusError("close() was called from a handler, which it would wait for: call it elsewhere.");
  std::function<bool()> ask;
  {
    const std::lock_guard lock(mutex_);
    if (phase_.load(std::memory_order_relaxed) == Phase::open) ask = ask_at_close_;  // it changes under the lock alone
  }
  // The loop may stand at a full ring meanwhile: without a thread somebody has to poll, and a dispatcher that hangs is given up.
  if (ask && ask()) await([&] { return !any_held(); });
  {
    const std::lock_guard lock(mutex_);
    Phase was = Phase::open;
    // acq_rel: release pairs with work()'s acquire; whoever comes second waits as the first does
    phase_.compare_exchange_strong(was, Phase::closing, std::memory_order_acq_rel);
  }
  if (options_.thread) {
    await([&] { return closed(); });
  } else {
    while (!closed() && !dead()) {
      const std::lock_guard one_at_a_time(polling_);
      const BusThread here;
      while (pass()) {}
      if (try_close()) break;
    }
  }
  const std::lock_guard one_joins(polling_);
  if (!thread_.joinable()) return;
  if (dead()) thread_.detach();  // it hangs in a handler; it holds what it needs
  else thread_.join();
}

void Dispatcher::on_close(std::function<bool()> ask) {
  const std::lock_guard lock(mutex_);
  ask_at_close_ = std::move(ask);
}

bool Dispatcher::any_held() const {
  const std::lock_guard lock(mutex_);
  // acquire: pairs with Producer::hold
  return std::any_of(rings_.begin(), rings_.end(), [](const auto& ring) { return ring->held.load(std::memory_order_acquire); });
}

/// The rings were found empty. Completes the pipelines if nothing can come any more. First that the executors have finished,
/// *then* the rings: an executor's handler may have published last.
bool Dispatcher::try_close() {
  heartbeat_.store(heartbeat_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  renew();
  await_queues(mine_, false);
  renew();  // a handler may have published for the first time, into a ring of its own
  if (!rings_empty()) return false;
  for (std::size_t i = 0; i < mine_.size(); ++i) {
    const Handle to = mine_[i];
    if (to->life() == Subscription::Life::running)
      to->pipeline_->mark({.kind = Mark::Kind::end, .number = last_trainer_, .stamp = clock_.now()});
    await_queues(std::span(&to, 1), false);
    while (pass()) {}  // completion may have published
    heartbeat_.store(heartbeat_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  await_queues(mine_, false);
  while (pass()) {}
  for (Decider* const decider : inline_deciders_) decider->finish();
  const std::lock_guard lock(mutex_);
  for (const auto& ring : rings_) ring->closed.store(true, std::memory_order_release);  // pairs with wait_for_room
  phase_.store(Phase::closed, std::memory_order_release);                               // pairs with closed()
  return true;
}

/// A handler behind observe_on that was failed and never came back needs all of its pipeline when it wakes: that one is kept for ever.
Dispatcher::~Dispatcher() {
  static std::mutex mutex;
  static std::vector<Handle>* const hung = new std::vector<Handle>;  // reachable, so no leak is reported
  const std::lock_guard lock(mutex);
  for (Handle& one : subscriptions_) {
    const auto busy = [](const auto& queue) { return !queue->idle(); };
    if (one->failed() && std::any_of(one->queues().begin(), one->queues().end(), busy)) hung->push_back(std::move(one));
  }
}

void Dispatcher::abandon() noexcept {
  abandoned_.store(true, std::memory_order_release);  // pairs with dead()
  const std::lock_guard lock(mutex_);
  for (const auto& ring : rings_) ring->abandoned.store(true, std::memory_order_release);  // pairs with wait_for_room
}

}  // namespace sidestep
