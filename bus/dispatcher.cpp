#include <sidestep/bus/dispatcher.hpp>

#include <sidestep/bus/affinity.hpp>
#include <sidestep/bus/events.hpp>
#include <sidestep/bus/running.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace sidestep {
namespace {

constexpr std::size_t most_owners = 128;  // whose past pipelines are told apart
constexpr unsigned most_failed = 64;      // that are kept with their error, as long as the bus lives
constexpr std::string_view other_owners = "(others)";

std::uint64_t next_serial() {
  static std::atomic<std::uint64_t> serial{0};
  return serial.fetch_add(1, std::memory_order_relaxed) + 1;  // relaxed: only the numbers must differ
}

}  // namespace

Dispatcher::Dispatcher(const BusOptions& options, const Clock& clock, StreamWithin streamed_within)
    : within(streamed_within),
      longest_nap(options.longest_nap.count()),
      options_(options),
      clock_(clock),
      serial_(next_serial()) {
  // relaxed: no other thread knows it
  nap_was_set.store(options.longest_nap != BusOptions{}.longest_nap, std::memory_order_relaxed);
  for (unsigned i = 0; i < options.dispatchers; ++i) workers_.push_back(std::make_unique<Worker>(*this, i));
}

void Dispatcher::start() {
  if (!options_.thread) return;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    const int cpu = options_.cpus.empty() ? -1 : options_.cpus[i % options_.cpus.size()];
    threads_.emplace_back([self = shared_from_this(), worker = workers_[i].get(), cpu]() {
      if (cpu >= 0) run_on(cpu);
      worker->work();
    });
  }
}

bool Dispatcher::poll() {
  const RunningHandler* const in = RunningHandler::current();
  if (PollingHere::of(*this) || (in != nullptr && in->whose != nullptr && in->whose->bus_serial() == serial_))
    throw BusError("poll() was called from a handler of the same bus, which is what it would run: call it elsewhere.");
  std::unique_lock one_at_a_time(polling_, std::defer_lock);
  // In another bus' handler: whoever polls this one may wait for that handler.
  if (!BusThread::current())
    one_at_a_time.lock();
  else if (!one_at_a_time.try_lock())
    return false;
  if (closed()) return false;
  const BusThread here;
  const PollingHere polls(*this);
  return pass_all();
}

bool Dispatcher::pass_all() {
  bool found = false;
  for (const auto& worker : workers_) found |= worker->pass();
  return found;
}

bool Dispatcher::untouched() const {
  const std::lock_guard lock(mutex_);
  return rings_.empty() && subscriptions_.empty() && next_registration_ == 0 && gone_.events == 0;
}

void Dispatcher::wake() noexcept {
  for (const auto& worker : workers_) worker->waker.wake();
}

bool Dispatcher::rings_empty() const {
  const std::lock_guard lock(mutex_);
  return std::all_of(rings_.begin(), rings_.end(), [](const auto& ring) { return ring->read_out(); });
}

/// Forgets rings whose producers are gone, once they are read out by all.
void Dispatcher::retire_rings() {
  std::vector<std::shared_ptr<Ring>> gone;  // let go behind the lock
  const std::lock_guard lock(mutex_);       // declared last, so released first
  gone = take_left_rings([](const Ring& ring) { return ring.done(); });
  if (!gone.empty()) version_.changed();
}

/// What they have counted stays. Under the lock.
std::vector<std::shared_ptr<Ring>> Dispatcher::take_left_rings(bool (*which)(const Ring&)) {
  std::vector<std::shared_ptr<Ring>> gone;
  std::erase_if(rings_, [&](std::shared_ptr<Ring>& ring) {
    if (!which(*ring)) return false;
    add_counts(*ring, gone_);
    gone.push_back(std::move(ring));
    return true;
  });
  return gone;
}

void Dispatcher::add_counts(const Ring& ring, BusAccount& sum) noexcept {
  sum.events += ring.events();
  sum.after_close += ring.after_close();
  sum.publisher_waits += ring.waits.get();
  sum.publisher_waited_ns += ring.waited_ns.get();
}

/// Forgets pipelines that have come to their end, once nothing of them runs: their sums stay. True: of some, something
/// still runs. Kept are those that somebody still asks for: what decides (the control knows it for good), what was
/// saved and not taken away (it answers barriers, and is named in checkpoints), and the first ones that failed. On the
/// thread of `candidates`' dispatcher.
bool Dispatcher::retire_pipelines(std::span<const Handle> candidates) {
  bool later = false;
  std::vector<Handle> gone;  // destroyed behind the lock
  for (const Handle& one : candidates) {
    const auto life = one->life();
    if (life == Subscription::Life::failed && !one->pipeline_->put_down()) {
      later = true;
      continue;
    }
    if (life == Subscription::Life::running || one->decider_ != nullptr || one->kept_) continue;
    if (one->options_.saved && life != Subscription::Life::ended) continue;
    const bool idle =
        life == Subscription::Life::failed ||
        std::all_of(one->queues_.begin(), one->queues_.end(), [](const auto& queue) { return queue->idle(); });
    if (idle && one->pipeline_->quiet())
      gone.push_back(one);
    else
      later = true;
  }
  if (gone.empty()) return later;
  const std::lock_guard lock(mutex_);  // declared last, so released first
  std::erase_if(gone, [&](const Handle& one) {
    return one->failed() && failed_kept_ < most_failed && ((++failed_kept_, one->kept_ = true));
  });
  if (gone.empty()) return later;
  for (const Handle& one : gone) forget(*one);
  std::erase_if(subscriptions_,
                [&](const Handle& one) { return std::find(gone.begin(), gone.end(), one) != gone.end(); });
  version_.changed();
  return later;
}

/// What it has counted stays.
void Dispatcher::forget(Subscription& one) {
  gone_.published += one.published();
  gone_.delivered += one.delivered();
  gone_.dropped += one.dropped();
  const std::string& who = one.owner() == one.name() ? one.base_ : one.owner();  // without an ordinal
  auto at = std::find_if(past_.begin(), past_.end(), [&](const auto& past) { return past->owner == who; });
  if (at == past_.end()) {
    const bool apart = past_.size() < most_owners;
    if (!apart)
      at = std::find_if(past_.begin(), past_.end(), [](const auto& past) { return past->owner == other_owners; });
    if (at == past_.end()) {
      at = past_.insert(past_.end(), std::make_unique<PastPipelines>());
      (*at)->owner = apart ? who : other_owners;
      (*at)->registration = one.registration();
    }
  }
  PastPipelines& past = **at;
  ++past.pipelines;
  past.published += one.published();
  past.delivered += one.delivered();
  past.dropped += one.dropped();
  past.failures += one.failures();
  if (one.failed()) past.last_error = one.error();
  past.meter.merge(one.meter());
  for (const auto& queue : one.queues()) past.meter.merge(queue->meter);
  free_name(one);
}

/// Others may have its name. Once: by the second time it may be another's.
void Dispatcher::free_name(Subscription& one) {
  if (std::exchange(one.name_freed_, true)) return;
  if (names_.erase(one.name()) == 0 || one.base_.empty()) return;
  const auto base = ordinals_.find(one.base_);
  if (base != ordinals_.end() && --base->second.live == 0) ordinals_.erase(base);
}

Handle Dispatcher::add(std::unique_ptr<Pipeline> pipeline, PipelineOptions options) {
  check_event_types();
  for (const EventId type : options.types)
    if (type == 0 || type >= event_ids) throw EventTypeError("a pipeline listens to an event id out of range.");
  const bool first_alone = options.saved || options.decides;
  if (options.dispatcher >= static_cast<int>(workers_.size()))
    throw BusError("a pipeline asks for dispatcher " + std::to_string(options.dispatcher) + " of " +
                   std::to_string(workers_.size()) + ": they count from 0.");
  if (first_alone && options.dispatcher > 0)
    throw BusError("a pipeline that decides or is part of checkpoints asks for dispatcher " +
                   std::to_string(options.dispatcher) + ": it runs on dispatcher 0.");
  const std::lock_guard lock(mutex_);
  if (phase_.glance() != Phase::open) throw BusError("a pipeline was added to a closed bus: add it before close().");
  const std::string base = options.name.empty() ? (options.owner.empty() ? "pipeline" : options.owner) : options.name;
  const auto before = ordinals_.find(base);
  unsigned ordinal = before != ordinals_.end() ? before->second.last : 0;
  do options.name = ++ordinal == 1 ? base : base + "#" + std::to_string(ordinal);
  while (names_.contains(options.name));
  auto subscription =
      std::make_shared<Subscription>(shared_from_this(), next_registration_, std::move(options), std::move(pipeline));
  subscription->pipeline().bind(*subscription);
  const int asked = subscription->options().dispatcher;
  subscription->worker_ = first_alone  ? 0
                          : asked >= 0 ? static_cast<unsigned>(asked)
                                       : next_worker_++ % static_cast<unsigned>(workers_.size());
  subscription->base_ = base;
  names_.insert(subscription->name());
  Ordinal& given = ordinals_[base];
  given.last = ordinal;
  ++given.live;
  ++next_registration_;
  if (subscription->deferred_) {
    deferred_.push_back(subscription);
    return subscription;
  }
  begin_here(*subscription);
  subscriptions_.push_back(subscription);
  version_.changed();
  return subscription;
}

void Dispatcher::begin_here(Subscription& subscription) {
  for (const auto& ring : rings_) subscription.begin_.push_back({ring->id(), ring->upcoming()});
}

bool Dispatcher::admit(Subscription& subscription) {
  std::unique_lock lock(mutex_);
  const auto at =
      std::find_if(deferred_.begin(), deferred_.end(), [&](const Handle& one) { return one.get() == &subscription; });
  if (at == deferred_.end()) return false;
  if (phase_.glance() >= Phase::completing) {  // stored before close() looked at the list under the lock
    const Handle never_began = std::move(*at);
    deferred_.erase(at);
    subscriptions_.push_back(never_began);  // the control knows it for good
    lock.unlock();
    never_began->finish(Subscription::Life::completed);
    return false;
  }
  begin_here(subscription);
  const auto behind = std::find_if(subscriptions_.begin(), subscriptions_.end(), [&](const Handle& one) {
    return one->registration() > subscription.registration();
  });
  subscriptions_.insert(behind, std::move(*at));
  deferred_.erase(at);
  version_.changed();
  return true;
}

void Dispatcher::end(Subscription& subscription) {
  Handle never_began;
  {
    const std::lock_guard lock(mutex_);
    if (subscription.life() != Subscription::Life::running) return;
    if (!subscription.asked_to_end_) {
      subscription.asked_to_end_ = true;
      for (const auto& ring : rings_) subscription.end_.push_back({ring->id(), ring->upcoming()});
      // here, not when it is forgotten: names don't depend on the schedule
      if (subscription.decider_ == nullptr) free_name(subscription);
      version_.changed();
    }
    const auto at =
        std::find_if(deferred_.begin(), deferred_.end(), [&](const Handle& one) { return one.get() == &subscription; });
    if (at != deferred_.end()) {
      never_began = std::move(*at);
      deferred_.erase(at);
      subscription.finish(Subscription::Life::ended);
      subscriptions_.push_back(never_began);  // the control knows it for good
    }
  }
  if (never_began != nullptr) return;
  if (BusThread::current()) return;
  if (!await([&] { return subscription.life() != Subscription::Life::running; }))
    return subscription.fail("its handler has not returned within the deadline after it was ended.", 0);
  await_queues(subscription, true);  // the dispatcher goes on meanwhile, so a sink that hangs has a deadline of its own
}

std::shared_ptr<Ring> Dispatcher::make_ring(std::string_view name, Stream stream, bool late_too) {
  check_event_types();
  std::vector<std::shared_ptr<Ring>> gone;  // let go behind the lock
  const std::lock_guard lock(mutex_);       // declared last, so released first
  if (phase_.glance() == Phase::closed && late_too) {
    gone = take_left_rings([](const Ring& ring) { return ring.left(); });  // nobody else does, on a closed bus
    rings_.push_back(
        std::make_shared<Ring>(1, Sequence{1}, next_ring_++, stream, std::string(name), StreamWithin::nothing));
    rings_.back()->close(rings_.back()->first());
    return rings_.back();
  }
  if (phase_.glance() == Phase::closed)
    throw BusError("producer '" + std::string(name) + "' joined a closed bus: make it before close().");
  const std::uint32_t id = next_ring_++;
  const auto make = [&](RingMemory memory = {}) {
    return std::make_unique<Ring>(options_.ring_capacity, options_.first_number, id, stream, std::string(name), within,
                                  std::move(memory), static_cast<unsigned>(workers_.size()));
  };
  std::shared_ptr<Ring> ring;
  try {
    if (options_.shared != nullptr)
      ring = make(options_.shared->take(options_.ring_capacity, options_.first_number, id, stream, name));
    else
      ring = pool_->take(make, [&](Ring& again) { again.begin_anew(options_.first_number, id, stream, name, within); });
  } catch (const std::bad_alloc&) {
    throw BusError("producer '" + std::string(name) + "' found no memory for a ring of " +
                   std::to_string(options_.ring_capacity) +
                   " events, 64 bytes each: give BusOptions::ring_capacity less.");
  }
  if (dead()) ring->close(ring->first());  // as abandon() does for those before
  rings_.push_back(ring);
  version_.changed();
  return ring;
}

std::shared_ptr<const Ring> Dispatcher::find_ring(std::uint32_t id) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(rings_.begin(), rings_.end(), [&](const auto& ring) { return ring->id() == id; });
  return found != rings_.end() ? *found : nullptr;
}

Producer& Dispatcher::thread_producer() {
  static thread_local std::vector<std::pair<std::uint64_t, Producer>> producers;
  for (auto& [serial, producer] : producers)
    if (serial == serial_) return producer;
  std::erase_if(producers, [](const auto& entry) { return entry.second.bus_is_gone(); });
  return producers.emplace_back(serial_, Producer(make_ring("thread", Stream::others, true), weak_from_this(), clock_))
      .second;
}

void Dispatcher::report_failure(const Subscription& subscription, Sequence number) noexcept {
  try {
    const BusThread never_wait;
    thread_producer().publish(PipelineFailed{
        .number = number, .pipeline = intern(subscription.name()), .error = intern(subscription.error())});
  } catch (...) {  // no memory, or two types with one id: the subscription itself knows its error
  }
}

BusAccount Dispatcher::account() const {
  const std::lock_guard lock(mutex_);
  BusAccount sum = gone_;
  for (const auto& ring : rings_) add_counts(*ring, sum);
  for (const Handle& s : subscriptions_) {
    sum.delivered += s->delivered();
    sum.dropped += s->dropped();
    const std::uint64_t published = s->published();
    sum.published += published;
  }
  sum.pending = sum.published - std::min(sum.published, sum.delivered + sum.dropped);
  return sum;
}

std::vector<Handle> Dispatcher::subscriptions() const {
  const std::lock_guard lock(mutex_);
  return subscriptions_;
}

std::vector<std::unique_ptr<PastPipelines>> Dispatcher::past() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::unique_ptr<PastPipelines>> all;
  for (const auto& one : past_) {
    auto& copy = *all.emplace_back(std::make_unique<PastPipelines>());
    copy.owner = one->owner, copy.registration = one->registration, copy.pipelines = one->pipelines;
    copy.published = one->published, copy.delivered = one->delivered, copy.dropped = one->dropped;
    copy.failures = one->failures, copy.last_error = one->last_error;
    copy.meter.merge(one->meter);
  }
  return all;
}

}  // namespace sidestep
