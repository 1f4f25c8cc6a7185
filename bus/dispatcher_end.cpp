// How a dispatcher is waited for and brought to its end: flush, close, abandon.
#include <sidestep/bus/dispatcher.hpp>
#include <sidestep/bus/hang_watch.hpp>
#include <sidestep/bus/running.hpp>
#include <sidestep/bus/test_point.hpp>
#include <sidestep/bus/wait_clock.hpp>

#include <algorithm>

namespace sidestep {
namespace {
constexpr Nanoseconds wait_slice = 100'000;
}

/// Changes as long as what a dispatcher may stand at moves, or counts a deadline of its own: a full queue, at close one
/// that is drained.
std::uint64_t Dispatcher::signs_of_life() const {
  std::uint64_t signs = 0;
  const std::lock_guard lock(mutex_);
  for (const Handle& to : subscriptions_) {
    signs += to->failures();
    for (const auto& queue : to->queues())
      signs += queue->finished.load(std::memory_order_relaxed) + queue->marks_done.load(std::memory_order_relaxed) +
               queue->waits.get();
  }
  return signs;
}

HangWatch::HangWatch(Dispatcher& bus) : bus_(bus), signs_(bus.signs_of_life()) {}

void HangWatch::look() {
  const Nanoseconds passed = waited_.slice();
  const std::uint64_t now = bus_.signs_of_life();
  const bool moved = now != std::exchange(signs_, now);
  for (std::size_t i = 0; i < bus_.workers_.size(); ++i) {
    Worker& worker = *bus_.workers_[i];
    const std::uint64_t beat = worker.heartbeat.load(std::memory_order_relaxed);  // relaxed: a late view costs one look
    const bool stands = !moved && beat == std::exchange(seen_[i].beat, beat) && !worker.left.glance();
    seen_[i].stands = stands ? seen_[i].stands + passed : 0;
    if (seen_[i].stands > bus_.options_.deadline.count() * 1'000'000) return bus_.give_up(worker);
  }
}

/// Its handler hangs.
void Dispatcher::give_up(const Worker& worker) {
  Handle hung;
  {
    const std::lock_guard lock(mutex_);
    // relaxed: only a name for the report; it may have come back and be gone by now
    const Subscription* const one = worker.running.load(std::memory_order_relaxed);
    const auto at = std::find_if(subscriptions_.begin(), subscriptions_.end(),
                                 [&](const Handle& each) { return each.get() == one; });
    if (at != subscriptions_.end()) hung = *at;
  }
  if (hung != nullptr)
    hung->fail(
        "its handler blocks the dispatcher: it has not returned within the deadline; put observe_on(io) before it.", 0);
  test_point(Point::giving_up, hung.get());
  abandon();
}

/// Waits until `done`, or until the bus is given up, since a handler hangs.
bool Dispatcher::await(const std::function<bool()>& done) {
  HangWatch watch(*this);
  while (!done()) {
    if (dead() || closed()) return done();
    if (!options_.thread) {
      if (!poll() && !done()) std::this_thread::sleep_for(std::chrono::nanoseconds(wait_slice));
      continue;
    }
    wake();
    std::this_thread::sleep_for(std::chrono::nanoseconds(wait_slice));
    watch.look();
  }
  return true;
}

void Dispatcher::flush() {
  if (BusThread::current())
    throw BusError("flush() was called from a handler, which it would wait for: call it elsewhere.");
  struct Target {
    std::shared_ptr<Ring> ring;
    Sequence upcoming;
  };
  std::vector<Target> targets;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& ring : rings_) targets.push_back({ring, ring->upcoming()});
  }
  await([&] {
    return std::all_of(targets.begin(), targets.end(),
                       [](const Target& target) { return target.ring->cursor() >= target.upcoming; });
  });
  targets.clear();  // a ring that is still referred to can't be used again
  const std::uint64_t ticket = hurry_asked_.changed();
  await([&] {
    return std::all_of(workers_.begin(), workers_.end(),
                       [&](const auto& worker) { return worker->hurry_done.load() >= ticket; });
  });
  for (const Handle& to : subscriptions())
    // One after the other: what comes of a queue's values is in the next one when they are done. Some may never be
    // idle.
    for (const auto& queue : to->queues())
      await_queues(
          *to, [&, goal = queue->goal()] { return to->failed() || queue->reached(goal); }, true);
}

void Dispatcher::await_queues(std::span<const Handle> subscriptions, bool outside) {
  for (const Handle& subscription : subscriptions) await_queues(*subscription, outside);
}

void Dispatcher::await_queues(Subscription& subscription, bool outside) {
  await_queues(
      subscription, [&] { return subscription.queues_idle(); }, outside);
}

/// Waits until its queues have come so far. One whose queues don't move for the deadline is failed.
void Dispatcher::await_queues(Subscription& subscription, const std::function<bool()>& so_far, bool outside) {
  WaitClock waited;
  Nanoseconds stalled = 0;
  std::uint64_t seen = 0;
  while (!so_far() && !dead()) {
    std::uint64_t done = 0;
    for (const auto& queue : subscription.queues())
      done += queue->finished.load(std::memory_order_relaxed) + queue->marks_done.load(std::memory_order_relaxed);
    const Nanoseconds passed = waited.slice();
    stalled = done == seen ? stalled + passed : 0;
    seen = done;
    if (stalled > options_.deadline.count() * 1'000'000) {
      std::uint64_t left = 0;
      for (const auto& queue : subscription.queues()) left += queue->queued();
      subscription.fail("its sink has not moved within the deadline of " + std::to_string(options_.deadline.count()) +
                            " ms; " + std::to_string(left) +
                            " events were left. See what it waits for, or set BusOptions::deadline.",
                        0);
      break;
    }
    if (!outside) test_point(Point::draining, &subscription);
    if (outside && !options_.thread) poll();
    if (!outside) workers_.front()->beat();  // close() waits too
    std::this_thread::sleep_for(std::chrono::nanoseconds(wait_slice));
  }
}

void Dispatcher::close() {
  if (BusThread::current())
    throw BusError("close() was called from a handler, which it would wait for: call it elsewhere.");
  std::function<bool()> ask;
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (phase_.glance() == Phase::open) ask = ask_at_close_;  // it changes under the lock alone
  }
  // The loop may stand at a full ring meanwhile: without a thread somebody has to poll, and a dispatcher that hangs is
  // given up.
  if (ask && ask()) await([&] { return !any_held(); });
  {
    const std::lock_guard lock(mutex_);
    first = phase_.glance() == Phase::open;  // whoever comes second waits as the first does
    if (first) phase_.store(Phase::closing);
  }
  if (options_.thread) {
    WaitClock waited;
    await([&] {
      if (first) note_round(waited.slice());
      return closed();
    });
  } else {
    while (!closed() && !dead()) {
      const std::lock_guard one_at_a_time(polling_);
      const BusThread here;
      const PollingHere polls(*this);
      drain();
      if (try_close()) break;
    }
  }
  const std::lock_guard one_joins(polling_);
  if (first) rounds_ = {};
  for (std::thread& thread : threads_) {
    if (!thread.joinable()) continue;
    if (dead())
      thread.detach();  // it hangs in a handler; it holds what it needs
    else
      thread.join();
  }
}

/// Hands over what is there, and what comes of it.
void Dispatcher::drain() {
  constexpr std::uint64_t most = 1024;  // passes, once it is given up that they find nothing
  for (std::uint64_t passes = 0; pass_all() && (!completes_anyway() || passes++ < most);) {
    if (options_.thread) continue;  // who closes looks, on another thread
    const Nanoseconds now = Clock::steady(), before = std::exchange(rounds_.noted, now);
    note_round(before != 0 ? std::min<Nanoseconds>(now - before, 1'000'000'000) : 0);
  }
}

/// All that had been published when this round began is handled. Then the next one begins.
bool Dispatcher::round_over() {
  Rounds& round = rounds_;
  if (round.begun && !round.at_queues) {
    if (!std::all_of(round.rings.begin(), round.rings.end(),
                     [](const auto& ring) { return ring.first->cursor() >= ring.second; }))
      return false;
    for (const Handle& to : subscriptions())
      for (const auto& queue : to->queues()) round.queues.push_back({to, queue, queue->handed.get()});
    round.at_queues = true;
  }
  const auto done = [](const Rounds::Handed& handed) {
    return handed.to->failed() || handed.queue->given_up.load() ||
           handed.queue->handed.get() - handed.queue->queued() >= handed.count;
  };
  if (round.begun && !std::all_of(round.queues.begin(), round.queues.end(), done)) return false;
  const bool was_begun = std::exchange(round.begun, true);
  round.at_queues = false;
  round.rings.clear();
  round.queues.clear();
  const std::lock_guard lock(mutex_);
  std::uint64_t events = gone_.events;
  for (const auto& ring : rings_) {
    round.rings.push_back({ring, ring->upcoming()});
    events += ring->events();
  }
  return std::exchange(round.events, events) != events && was_begun;
}

/// Pipelines that feed each other come to an end within as many rounds as there are pipelines, unless they feed
/// themselves. So close() gives up when there were more, and for the deadline. How long each takes says nothing: a slow
/// handler is waited for.
void Dispatcher::note_round(Nanoseconds passed) {
  if (rounds_.over > 0) rounds_.waited += passed;
  if (!round_over()) return;
  ++rounds_.over;
  const Nanoseconds deadline = options_.deadline.count() * 1'000'000;
  const GivingUp now = giving_up_.glance();
  if (rounds_.over <= subscriptions().size() + 1 || rounds_.waited < (now == GivingUp::no ? deadline : deadline / 10))
    return;
  giving_up_.store(now == GivingUp::no ? GivingUp::failing : GivingUp::completing);
  rounds_.over = 1;
  rounds_.waited = 0;
}

/// Not one that completes; and once nothing came any more and all complete, not one that answers those: until that
/// doesn't end either.
void Dispatcher::fail_who_publishes() noexcept {
  RunningHandler* const by = RunningHandler::current();
  if (phase_.load() >= Phase::completing && !completes_anyway()) return;
  if (by == nullptr || by->completes || by->whose == nullptr || by->whose->bus_serial() != serial_) return;
  by->whose->fail(
      "the bus is to close, and its events don't end: it still publishes, after the deadline. Does it listen, itself "
      "or by "
      "way of others, to what it publishes?",
      0);
  by->stop();
}

void Dispatcher::on_close(std::function<bool()> ask) {
  const std::lock_guard lock(mutex_);
  ask_at_close_ = std::move(ask);
}

bool Dispatcher::any_held() const {
  const std::lock_guard lock(mutex_);
  return std::any_of(rings_.begin(), rings_.end(), [](const auto& ring) { return ring->held(); });
}

/// The rings were found empty by the first dispatcher, which this is. Completes the pipelines if nothing can come any
/// more. First that the executors have finished, *then* the rings: an executor's handler may have published last.
bool Dispatcher::try_close() {
  Worker& first = *workers_.front();
  first.beat();
  await_queues(subscriptions(), false);
  // a handler may have published for the first time, into a ring of its own
  if ((!rings_empty() && !completes_anyway()) || dead()) {
    wake();
    return false;
  }
  // From here on the other dispatchers' threads run nothing: their pipelines complete in order of registration, on this
  // thread.
  phase_.store(Phase::completing);
  if (!await_workers()) return false;
  for (std::vector<Handle> all = subscriptions(); const Handle& to : all) {
    if (to->life() == Subscription::Life::running) {
      workers_[to->worker_]->renew();
      RunningHandler here;
      here.belongs_to(to.get());
      here.completes = true;
      to->pipeline_->mark(
          {.kind = Mark::Kind::end, .number = workers_[to->worker_]->last_trainer(), .stamp = clock_.now()});
    }
    await_queues(std::span(&to, 1), false);
    drain();  // completion may have published
    first.beat();
  }
  await_queues(subscriptions(), false);
  drain();
  put_down_failed();
  drain();  // that may have published too
  first.finish_words();
  std::vector<Handle> never_began;
  {
    // a loop that ends admits what it never came to; from here on admit() completes it
    const std::lock_guard lock(mutex_);
    never_began = std::exchange(deferred_, {});
  }
  for (const Handle& to : never_began) to->finish(Subscription::Life::completed);
  const std::lock_guard lock(mutex_);
  for (const auto& ring : rings_) ring->close(ring->cursor());
  phase_.store(Phase::closed);
  return true;
}

/// At the end nobody asks again. One that still runs after this hangs: it has been waited for.
void Dispatcher::put_down_failed() {
  constexpr Nanoseconds longest = 200'000'000;
  for (std::vector<Handle> all = subscriptions(); const Handle& one : all)
    for (Nanoseconds waited = 0; one->failed() && !one->pipeline_->put_down() && waited < longest && !dead();
         waited += wait_slice) {
      workers_.front()->beat();
      std::this_thread::sleep_for(std::chrono::nanoseconds(wait_slice));
    }
}

/// Until the threads of all dispatchers but the first have left. False: one hangs, and the bus was given up.
bool Dispatcher::await_workers() {
  if (!options_.thread) return true;
  for (std::size_t i = 1; i < workers_.size(); ++i)
    while (!workers_[i]->left.load()) {
      if (dead()) return false;
      workers_[i]->waker.wake();
      workers_.front()->beat();
      std::this_thread::sleep_for(std::chrono::nanoseconds(wait_slice));
    }
  return true;
}

/// A handler behind observe_on that was failed and never came back needs all of its pipeline when it wakes: that one is
/// kept for ever.
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
  abandoned_.store(true);
  const std::lock_guard lock(mutex_);
  for (const auto& ring : rings_) ring->close(ring->upcoming());
}

}  // namespace sidestep
