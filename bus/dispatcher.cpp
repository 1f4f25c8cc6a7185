#include <sidestep/bus/dispatcher.hpp>

#include <sidestep/bus/events.hpp>
#include <sidestep/bus/pause.hpp>
#include <sidestep/bus/test_point.hpp>

#include <time.h>

#include <algorithm>
#include <utility>

namespace sidestep {
namespace {

constexpr Nanoseconds first_nap = 50'000, tick_interval = 1'000'000;
constexpr int patience = 32;  // passes
constexpr std::uint64_t timed_backlog = 16 * Dispatcher::batch, spans_a_reading = 8;

std::uint64_t next_serial() {
  static std::atomic<std::uint64_t> serial{0};
  return serial.fetch_add(1, std::memory_order_relaxed) + 1;  // relaxed: only the numbers must differ
}

bool listens(Stream wanted, Stream ring) noexcept { return wanted == Stream::all || wanted == ring; }

Sequence at_or(const std::vector<Sequence>& numbers, unsigned ring, Sequence otherwise) noexcept {
  return ring < numbers.size() ? numbers[ring] : otherwise;
}

bool is_mark(const Slot& slot) noexcept { return slot.type == Barrier::id || slot.type == CheckpointLoaded::id; }

}  // namespace

Dispatcher::Dispatcher(const BusOptions& options, const Clock& clock)
    : longest_nap(options.longest_nap.count()), options_(options), clock_(clock), serial_(next_serial()) {}

void Dispatcher::start() {
  if (options_.thread) thread_ = std::thread([self = shared_from_this()] { self->work(); });
}

void Dispatcher::work() {
  const BusThread here;
  Nanoseconds nap = first_nap;
  std::uint64_t found = 0;
  int spins = 0;
  while (!dead()) {
    if (pass()) {
      ++found;
      spins = 0;
      continue;
    }
    // A little patience before a nap: who publishes without pause would be met asleep.
    if (found > 0 && ++spins < patience) {
      pause();
      continue;
    }
    // acquire: pairs with close()
    if (phase_.load(std::memory_order_acquire) == Phase::closing && try_close()) return;
    // Traffic that fills spans wants shorter naps, silence longer ones; in between the nap stays as it is.
    if (found == 0) nap *= 2;
    else if (found > 8) nap /= 2;
    found = 0;
    nap = std::clamp(nap, first_nap / 4, std::max<Nanoseconds>(longest_nap.load(std::memory_order_relaxed), first_nap / 4));
    waker.sleep(nap);
  }
}

bool Dispatcher::poll() {
  const std::lock_guard one_at_a_time(polling_);
  const BusThread here;
  return pass();
}

/// Looks at every ring once. False: nothing was there (then those who wait for time have had their tick).
bool Dispatcher::pass() {
  heartbeat_.store(heartbeat_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  renew();
  bool found = false;
  for (std::size_t i = 0; i < my_rings_.size() && !dead(); ++i) {
    const std::shared_ptr<Ring> ring = my_rings_[i];  // the list may be renewed meanwhile
    found |= drain(*ring) || drain_spill(*ring);
  }
  if (dead()) return false;
  if (any_ending_) end_subscriptions();
  hurry();
  if (!found) {
    run_length_ = 0;
    if (unsettled_ > 0) settle_cpu();
    retire_rings();
    if (any_ticks_) tick();
  }
  return found;
}

bool Dispatcher::drain(Ring& ring) {
  std::span<const Slot> slots = ring.available(batch);
  if (slots.empty()) return false;
  renew();  // after the acquire in available(): see the class' comment
  test_point(Point::span_taken, &ring);
  slots = slots.first(up_to_mark(ring, slots));
  const Slot& last = slots.back();
  run_length_ += slots.size();
  if (last.type == CheckpointLoaded::id && ring.stream == Stream::trainer) {
    // restored states come first: the event itself, and all that follows, meets them
    if (slots.size() > 1) run(ring, slots.first(slots.size() - 1));
    send_mark(last);
    run(ring, slots.last(1));
  } else {
    run(ring, slots);
    if (is_mark(last) && ring.stream == Stream::trainer) send_mark(last);
  }
  if (dead()) return true;
  if (ring.stream == Stream::trainer) advance_words(last.sequence, last.stamp);
  test_point(Point::cursor, &ring);
  ring.release(slots.size());
  return true;
}

bool Dispatcher::drain_spill(Ring& ring) {
  // acquire: pairs with the producer's release after its enqueue
  const std::uint64_t spilled = ring.spilled.load(std::memory_order_acquire);
  const std::uint64_t done = ring.unspilled.load(std::memory_order_relaxed);
  if (spilled == done) return false;
  // What was published before the first spill may have become visible only now: it comes first.
  if (!ring.caught_up()) return true;
  std::array<Slot, batch> slots;
  const std::size_t count = ring.spill.try_dequeue_bulk(slots.begin(), std::min<std::size_t>(spilled - done, batch));
  if (count == 0) return true;
  renew();
  run(ring, std::span<const Slot>(slots).first(count));
  // release: pairs with the acquire in publish_slow
  ring.unspilled.store(done + count, std::memory_order_release);
  return true;
}

/// How many of `slots` can be run before a mark must be sent: it ends its span.
std::size_t Dispatcher::up_to_mark(const Ring& ring, std::span<const Slot> slots) const noexcept {
  if (ring.stream != Stream::trainer) return slots.size();
  const auto mark = std::find_if(slots.begin(), slots.end(), is_mark);
  return static_cast<std::size_t>(mark - slots.begin()) + (mark != slots.end() ? 1 : 0);
}

void Dispatcher::run(const Ring& ring, std::span<const Slot> slots) {
  std::uint64_t seen_as = 0;
  for (std::size_t i = 0; i < slots.size();) {  // run by run of one type
    const EventId type = slots[i].type;
    const std::size_t begin = i++;
    while (i < slots.size() && slots[i].type == type) ++i;
    counts_[type] = static_cast<std::uint16_t>(counts_[type] + (i - begin));
    seen_as |= std::uint64_t{1} << (type % 64);
  }
  const Sequence front = slots.front().sequence;
  const Nanoseconds now = clock_.now();
  // Reading the clock costs as much as a simple pipeline's run over a span: behind a backlog one span stands for some.
  const std::uint64_t stands_for = run_length_ < timed_backlog ? 1 : ++untimed_ % spans_a_reading == 0 ? spans_a_reading : 0;
  Nanoseconds before = stands_for != 0 ? Clock::steady() : 0;
  for (const Row& row : rows_) {
    if ((seen_as & row.types_seen_as) == 0 || !row.listens[static_cast<std::size_t>(ring.stream)]) continue;
    Subscription& to = *row.to;
    if (to.life_.load(std::memory_order_relaxed) != Subscription::Life::running || to.decider_failed()) continue;
    const std::span<const Slot> part = row.bounded && front != 0 ? within_bounds(to, ring.id(), slots) : slots;
    std::uint64_t matched = 0;
    if (row.types.empty()) matched = part.size();
    else if (part.size() == slots.size()) for (const EventId type : row.types) matched += counts_[type];
    else matched = matches(to, part);
    if (matched == 0) continue;
    if (stands_for != 0) {
      to.meter_.max_backlog.raise(run_length_);
      to.meter_.delay.record(now - part.front().stamp);
    }
    running_.store(&to, std::memory_order_relaxed);
    const std::size_t taken = row.pipeline->run(part);
    running_.store(nullptr, std::memory_order_relaxed);
    if (dead()) return;
    const std::uint64_t delivered = taken == part.size() ? matched : matches(to, part.first(taken));
    // One that completed sees no more; what a failed one leaves was published to it and stays pending.
    to.published_.add(to.failed() ? matched : delivered);
    to.delivered_.add(delivered);
    if (stands_for == 0) continue;
    const Nanoseconds after = Clock::steady();
    to.unsettled_ns_ += (after - before) * static_cast<Nanoseconds>(stands_for);
    before = after;
  }
  if (++unsettled_ == 64) settle_cpu();
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (i == 0 || slots[i].type != slots[i - 1].type) counts_[slots[i].type] = 0;
}

std::uint64_t Dispatcher::matches(const Subscription& to, std::span<const Slot> slots) noexcept {
  const std::vector<EventId>& types = to.options_.types;
  if (types.empty()) return slots.size();
  return static_cast<std::uint64_t>(std::count_if(slots.begin(), slots.end(), [&](const Slot& slot) {
    return std::find(types.begin(), types.end(), slot.type) != types.end();
  }));
}

/// Those that were published between its begin and its end.
std::span<const Slot> Dispatcher::within_bounds(const Subscription& to, unsigned ring, std::span<const Slot> slots) noexcept {
  const Sequence front = slots.front().sequence, behind = front + slots.size();
  const Sequence begin = std::max(at_or(to.begin_, ring, 1), front);
  const Sequence end = std::min(at_or(to.end_seen_, ring, to.end_seen_.empty() ? behind : 1), behind);
  return begin < end ? slots.subspan(begin - front, end - begin) : std::span<const Slot>{};
}

/// Handlers are timed by the wall clock, since a thread's CPU clock costs a system call. Read once for many spans, it takes out what
/// the thread stood still for while they ran.
void Dispatcher::settle_cpu() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  const Nanoseconds cpu = time.tv_sec * 1'000'000'000 + time.tv_nsec, spent = cpu - std::exchange(cpu_at_, cpu);
  unsettled_ = 0;
  Nanoseconds sum = 0;
  for (const Handle& to : mine_) sum += to->unsettled_ns_;
  const double share = sum > spent ? static_cast<double>(spent) / static_cast<double>(sum) : 1;
  for (const Handle& to : mine_)
    to->meter_.cpu_ns.add(static_cast<std::uint64_t>(static_cast<double>(std::exchange(to->unsettled_ns_, 0)) * share));
}

void Dispatcher::send_mark(const Slot& slot) {
  // acquire: pairs with cut_sink's release store in Bus::cut_sink
  CutSink* const sink = cut_sink.load(std::memory_order_acquire);
  if (sink == nullptr) return;
  const bool barrier = slot.type == Barrier::id;
  const Mark mark{.kind = barrier ? Mark::Kind::barrier : Mark::Kind::restore, .number = slot.sequence, .stamp = slot.stamp,
                  .cut = barrier ? slot.as<Barrier>().cut : 0, .sink = sink};
  for (const Handle& to : mine_) {
    const auto life = to->life();
    if (!to->options_.saved || life == Subscription::Life::failed || life == Subscription::Life::ended) continue;
    to->pipeline_->mark(mark);
    test_point(Point::cut_answered, to.get());
  }
}

/// Deciders have run through event `number` of the trainer's stream: says so where the trainer looks.
void Dispatcher::advance_words(Sequence number, Nanoseconds stamp) {
  last_trainer_ = number;
  for (const Handle& to : mine_)
    // relaxed: see Decider::advance
    if (to->decider_ != nullptr && to->decider_part_ > 0 && to->decider_->eager.load(std::memory_order_relaxed) &&
        to->life() != Subscription::Life::failed && !to->decider_failed())
      to->pipeline_->mark({.kind = Mark::Kind::progress, .number = number, .stamp = stamp});
  if (inline_deciders_.empty()) return;
  test_point(Point::word_inline, nullptr);
  for (Decider* const decider : inline_deciders_) decider->advance(number);
}

void Dispatcher::end_subscriptions() {
  for (const Handle& to : mine_) {
    if (to->end_seen_.empty() || to->life() != Subscription::Life::running) continue;
    const bool reached = std::all_of(my_rings_.begin(), my_rings_.end(), [&](const auto& ring) {
      return ring->cursor() >= at_or(to->end_seen_, ring->id(), 1);
    });
    if (!reached) continue;
    to->pipeline_->mark({.kind = Mark::Kind::cancel, .number = last_trainer_, .stamp = clock_.now()});
    to->finish(Subscription::Life::ended);
  }
}

/// Who flushes waits for what pipelines hold back.
void Dispatcher::hurry() {
  // acquire: pairs with flush(), which has seen all that it waits for run
  const std::uint64_t asked = hurry_asked_.load(std::memory_order_acquire);
  if (asked == hurry_done_.load(std::memory_order_relaxed)) return;
  for (const Handle& to : mine_)
    if (to->life() == Subscription::Life::running) to->pipeline_->hurry();
  hurry_done_.store(asked, std::memory_order_release);  // pairs with flush()
}

void Dispatcher::tick() {
  const Nanoseconds now = clock_.now();
  if (now < last_tick_ + (clock_.manual() ? 1 : tick_interval)) return;
  last_tick_ = now;
  for (const Handle& to : mine_)
    if (to->pipeline_->wants_ticks() && to->life() == Subscription::Life::running)
      to->pipeline_->mark({.kind = Mark::Kind::tick, .number = last_trainer_, .stamp = now});
}

void Dispatcher::renew() {
  // acquire: pairs with the release under the lock by whoever changed the list
  if (version_.load(std::memory_order_acquire) != seen_version_) [[unlikely]] renew_copy();
}

void Dispatcher::renew_copy() {
  const std::lock_guard lock(mutex_);
  seen_version_ = version_.load(std::memory_order_relaxed);  // it changes under the lock alone
  my_rings_ = rings_;
  mine_ = subscriptions_;
  any_ticks_ = any_ending_ = false;
  inline_deciders_.clear();
  rows_.clear();
  for (const Handle& to : mine_) {
    any_ticks_ |= to->pipeline_->wants_ticks();
    to->end_seen_ = to->end_;
    any_ending_ |= !to->end_.empty() && to->life() == Subscription::Life::running;
    // a number that the cursor has passed bounds nothing any more
    const bool begun = std::all_of(my_rings_.begin(), my_rings_.end(), [&](const auto& ring) {
      return at_or(to->begin_, ring->id(), 1) <= ring->cursor();
    });
    const auto hears = [&](Stream stream) { return listens(to->options_.stream, stream); };
    if (to->life() == Subscription::Life::running)
      rows_.push_back({.to = to.get(), .pipeline = to->pipeline_.get(), .types = to->options_.types,
                       .types_seen_as = to->types_seen_as_, .bounded = !begun || !to->end_.empty(),
                       .listens = {false, hears(Stream::trainer), hears(Stream::others)}});
    if (to->decider_ != nullptr && to->decider_part_ == 0 &&
        std::find(inline_deciders_.begin(), inline_deciders_.end(), to->decider_) == inline_deciders_.end())
      inline_deciders_.push_back(to->decider_);
  }
}

bool Dispatcher::rings_empty() const noexcept {
  return std::all_of(my_rings_.begin(), my_rings_.end(), [](const auto& ring) {
    return ring->caught_up() &&
           ring->spilled.load(std::memory_order_acquire) == ring->unspilled.load(std::memory_order_relaxed);  // as in drain_spill
  });
}

/// Forgets rings whose producers are gone, once they are empty.
void Dispatcher::retire_rings() {
  // acquire: pairs with Producer::leave, so that what was published last is counted in next()
  const auto done = [](const std::shared_ptr<Ring>& ring) {
    return ring->left.load(std::memory_order_acquire) && ring->caught_up() &&
           ring->spilled.load(std::memory_order_acquire) == ring->unspilled.load(std::memory_order_relaxed);
  };
  if (std::none_of(my_rings_.begin(), my_rings_.end(), done)) return;
  const std::lock_guard lock(mutex_);
  std::erase_if(rings_, [&](const std::shared_ptr<Ring>& ring) {
    if (!done(ring)) return false;
    retired_.events += ring->next() - ring->first() + ring->spilled_total.get();
    retired_.publisher_waits += ring->waits.get();
    retired_.publisher_waited_ns += ring->waited_ns.get();
    return true;
  });
  version_.fetch_add(1, std::memory_order_release);  // pairs with renew()
}

Handle Dispatcher::add(std::unique_ptr<Pipeline> pipeline, PipelineOptions options) {
  for (const EventId type : options.types)
    if (type == 0 || type >= event_ids) throw EventTypeError("a pipeline listens to an event id out of range.");
  std::unique_lock lock(mutex_);
  if (phase_.load(std::memory_order_relaxed) != Phase::open)
    throw BusError("a pipeline was added to a closed bus: add it before close().");
  const std::string base = options.name.empty() ? (options.owner.empty() ? "pipeline" : options.owner) : options.name;
  const auto taken = [&](const std::string& name) {
    return std::any_of(subscriptions_.begin(), subscriptions_.end(), [&](const Handle& s) { return s->name() == name; });
  };
  options.name = base;
  for (int ordinal = 2; taken(options.name); ++ordinal) options.name = base + "#" + std::to_string(ordinal);
  const auto registration = static_cast<unsigned>(subscriptions_.size());
  auto subscription = std::make_shared<Subscription>(shared_from_this(), registration, std::move(options), std::move(pipeline));
  subscription->pipeline().bind(*subscription);
  subscription->begin_.assign(next_ring_, 1);
  for (const auto& ring : rings_) subscription->begin_[ring->id()] = ring->next();
  subscriptions_.push_back(subscription);
  version_.fetch_add(1, std::memory_order_release);  // pairs with renew()
  return subscription;
}

void Dispatcher::end(Subscription& subscription) {
  {
    const std::lock_guard lock(mutex_);
    if (subscription.life() != Subscription::Life::running) return;
    if (subscription.end_.empty()) {
      subscription.end_.assign(next_ring_ + 1, 1);
      for (const auto& ring : rings_) subscription.end_[ring->id()] = ring->next();
      version_.fetch_add(1, std::memory_order_release);  // pairs with renew()
    }
  }
  if (BusThread::current()) return;
  if (!await([&] { return subscription.life() != Subscription::Life::running && subscription.queues_idle(); }))
    subscription.fail("its handler has not returned within the deadline after it was ended.", 0);
}

std::shared_ptr<Ring> Dispatcher::make_ring(std::string_view name, Stream stream) {
  const std::lock_guard lock(mutex_);
  if (phase_.load(std::memory_order_relaxed) == Phase::closed)
    throw BusError("producer '" + std::string(name) + "' joined a closed bus: make it before close().");
  auto ring = std::make_shared<Ring>(options_.ring_capacity, options_.first_number, next_ring_++, stream, std::string(name),
                                     options_.stores == Stores::streaming);
  if (dead()) ring->abandoned.store(true, std::memory_order_release);  // as abandon() does for those before
  rings_.push_back(ring);
  version_.fetch_add(1, std::memory_order_release);  // pairs with renew()
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
  // acquire: pairs with the last store of close()
  std::erase_if(producers, [](const auto& entry) { return entry.second.ring().closed.load(std::memory_order_acquire); });
  return producers.emplace_back(serial_, Producer(make_ring("thread", Stream::others), weak_from_this(), clock_)).second;
}

void Dispatcher::report_failure(const Subscription& subscription, Sequence number) noexcept {
  try {
    const BusThread never_wait;
    thread_producer().publish(
        PipelineFailed{.number = number, .pipeline = intern(subscription.name()), .error = intern(subscription.error())});
  } catch (...) {  // closed meanwhile, or out of memory: the subscription itself knows its error
  }
}

BusAccount Dispatcher::account() const {
  const std::lock_guard lock(mutex_);
  BusAccount sum = retired_;
  for (const auto& ring : rings_) {
    sum.events += ring->next() - ring->first() + ring->spilled_total.get();
    sum.publisher_waits += ring->waits.get();
    sum.publisher_waited_ns += ring->waited_ns.get();
  }
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

}  // namespace sidestep
