// A dispatcher runs its pipelines over a span: who listens, what a policy drops, what it counts.
#include <sidestep/bus/worker.hpp>

#include <sidestep/bus/dispatcher.hpp>
#include <sidestep/bus/events.hpp>
#include <sidestep/bus/running.hpp>

#include <time.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace sidestep {
namespace {

constexpr std::uint64_t timed_backlog = 4 * Worker::batch, spans_a_reading = 16;

bool listens_to(std::span<const EventId> types, EventId type) noexcept {
  return types.empty() || std::find(types.begin(), types.end(), type) != types.end();
}

}  // namespace

/// The first row from there on whose bit is set.
inline std::size_t Worker::next_of(const std::uint64_t* bits, std::size_t row) const noexcept {
  for (; row < rows_.size(); row = (row / 64 + 1) * 64)
    if (const std::uint64_t rest = bits[row / 64] >> row % 64; rest != 0)
      return row + static_cast<std::size_t>(std::countr_zero(rest));
  return rows_.size();
}

/// A bit for each row that may listen to one of these types.
const std::uint64_t* Worker::listeners_to(std::uint64_t seen_as) noexcept {
  const std::size_t words = wanted_by_.size();
  const auto of_first = [&] { return listeners_.data() + static_cast<std::size_t>(std::countr_zero(seen_as)) * words; };
  if (std::has_single_bit(seen_as)) return of_first();
  std::fill(wanted_by_.begin(), wanted_by_.end(), 0);
  for (; seen_as != 0; seen_as &= seen_as - 1)
    for (std::size_t word = 0; word < words; ++word) wanted_by_[word] |= of_first()[word];
  return wanted_by_.data();
}

void Worker::run(const Ring& ring, std::span<const Slot> slots) {
  std::uint64_t seen_as = 0;
  for (std::size_t i = 0; i < slots.size();) {  // run by run of one type
    const EventId type = slots[i].type;
    const std::size_t begin = i++;
    while (i < slots.size() && slots[i].type == type) ++i;
    counts_[type] = static_cast<std::uint16_t>(counts_[type] + (i - begin));
    seen_as |= std::uint64_t{1} << (type % 64);
  }
  seen_as_ |= seen_as;
  // Reading the clock costs as much as a simple pipeline's run over a span: behind a backlog one span stands for some.
  const std::uint64_t stands_for = run_length_ < timed_backlog         ? 1
                                   : ++untimed_ % spans_a_reading == 0 ? spans_a_reading
                                                                       : 0;
  const Nanoseconds now = stands_for != 0 ? bus_.clock_.now() : 0;
  Nanoseconds before = stands_for != 0 ? Clock::steady() : 0;
  RunningHandler here;
  const std::uint64_t* const listeners = listeners_to(seen_as);
  for (std::size_t i = next_of(listeners, 0); i < rows_.size(); i = next_of(listeners, i + 1)) {
    const Row& row = rows_[i];
    Subscription& to = *row.to;
    if (!row.listens[static_cast<std::size_t>(ring.stream)]) {
      if (to.options_.decides) note_passed_by(row, ring, slots);
      continue;
    }
    if (!to.life_.seems_to_run() || to.decider_failed()) continue;
    std::span<const Slot> part = slots;
    if (row.special) [[unlikely]] {
      if (row.one_producer && to.options_.producer != ring.name) continue;
      if (row.bounded) part = within_bounds(to, ring.id(), slots);
    }
    std::uint64_t matched = 0;
    if (row.types.empty())
      matched = part.size();
    else if (part.size() == slots.size())
      for (const EventId type : row.types) matched += counts_[type];
    else
      matched = matches(to, part);
    if (matched == 0) continue;
    to.meter_.max_backlog.raise(run_length_);
    if (stands_for != 0) to.meter_.delay.record(now - part.front().stamp, stands_for);
    running.store(&to, std::memory_order_relaxed);
    here.belongs_to(&to);
    if (row.lossy) [[unlikely]] {
      run_lossy(row, ring, part, matched, here);
      running.store(nullptr, std::memory_order_relaxed);
      if (bus_.dead()) return;
    } else {
      const std::size_t taken = matched == part.size() ? row.pipeline->run_wanted(part) : row.pipeline->run(part);
      running.store(nullptr, std::memory_order_relaxed);
      if (bus_.dead()) return;
      const std::uint64_t delivered = taken == part.size() ? matched : matches(to, part.first(taken));
      // One that completed sees no more; what a failed one leaves was published to it and stays pending.
      to.published_.add(to.failed() ? matched : delivered);
      to.delivered_.add(delivered);
    }
    here.forget();
    if (to.ended_inside_.glance()) [[unlikely]]
      ended_inside(to);  // set on this thread, or seen next time
    if (stands_for == 0) continue;
    const Nanoseconds after = Clock::steady();
    if (to.unsettled_ns_ == 0 && after != before) unsettled_of_.push_back(&to);
    to.unsettled_ns_ += (after - before) * static_cast<Nanoseconds>(stands_for);
    before = after;
  }
  if (++unsettled_ == 64) settle_cpu();
  if (counts_[slots.front().type] == slots.size())
    counts_[slots.front().type] = 0;
  else
    for (const Slot& slot : slots) counts_[slot.type] = 0;
}

/// For a pipeline that isn't lossless: all but what its policy drops, in pieces.
void Worker::run_lossy(const Row& row, const Ring& ring, std::span<const Slot> slots, std::uint64_t matched,
                       RunningHandler& here) {
  Subscription& to = *row.to;
  const Overload& how = to.options_.overload;
  // what waits: this span, and all behind it. A streamed event may be seen before it is counted
  const Sequence upcoming = std::max(ring.upcoming(), slots.back().sequence + 1);
  const bool behind = upcoming - slots.front().sequence > how.bound;
  if (behind && how.policy == Overload::Policy::fail) {
    to.published_.add(matched);
    to.fail("it is overloaded: more than " + std::to_string(how.bound) + " events of producer '" + ring.name +
                "' wait for it.",
            slots.front().sequence);
    return;
  }
  const auto mine = [&](const Slot& slot) { return listens_to(row.types, slot.type); };
  // read once by this pipeline's one thread: who drops a span looks no further than its first newer event
  const auto newer_waits = [&] {
    for (Sequence number = slots.back().sequence + 1;; ++number) {
      const Slot* const slot = ring.peek(number);
      if (slot == nullptr) return false;
      if (mine(*slot) && may_drop(slot->type)) return true;
    }
  };
  std::size_t newest = slots.size();  // latest: the one that is kept
  if (how.policy == Overload::Policy::latest && !newer_waits())
    for (std::size_t i = 0; i < slots.size(); ++i)
      if (mine(slots[i]) && may_drop(slots[i].type)) newest = i;
  const auto kept = [&](std::size_t i) {
    switch (how.policy) {
      case Overload::Policy::drop_oldest:
        return upcoming - slots[i].sequence <= how.bound;
      case Overload::Policy::latest:
        return i == newest;
      case Overload::Policy::keep_every:
        if (!behind) return true;
        if (++to.kept_of_ < how.n) return false;
        to.kept_of_ = 0;
        return true;
      default:
        return true;
    }
  };
  enum class Fate : std::uint8_t { other, kept, essential, dropped };
  std::array<Fate, batch> fates;
  for (std::size_t i = 0; i < slots.size(); ++i)
    fates[i] = !mine(slots[i])            ? Fate::other
               : !may_drop(slots[i].type) ? Fate::essential
               : kept(i)                  ? Fate::kept
                                          : Fate::dropped;
  std::uint64_t delivered = 0, dropped = 0;
  bool stopped = false;
  for (std::size_t i = 0; i < slots.size() && !stopped;) {
    const Fate fate = fates[i];
    const std::size_t begin = i;
    while (i < slots.size() && (fates[i] == fate || (fates[i] == Fate::other && fate != Fate::dropped))) ++i;
    const std::span<const Slot> piece = slots.subspan(begin, i - begin);
    if (fate == Fate::other) continue;
    if (fate == Fate::dropped) {
      dropped += piece.size();
      continue;
    }
    here.essential = fate == Fate::essential;
    const std::size_t taken = row.pipeline->run(piece);
    here.essential = false;
    delivered += matches(to, piece.first(taken));
    stopped = taken < piece.size() || to.ended_inside() || bus_.dead();
  }
  to.published_.add(!stopped || to.failed() ? matched : delivered + dropped);
  to.delivered_.add(delivered);
  to.dropped_.add(dropped);
}

/// Its own handler has ended it: it sees nothing more.
void Worker::ended_inside(Subscription& to) {
  if (to.life() != Subscription::Life::running) return;
  to.pipeline_->mark({.kind = Mark::Kind::cancel, .number = last_trainer_, .stamp = bus_.clock_.now()});
  to.finish(Subscription::Life::ended);
}

std::uint64_t Worker::matches(const Subscription& to, std::span<const Slot> slots) noexcept {
  const std::vector<EventId>& types = to.options_.types;
  if (types.empty()) return slots.size();
  return static_cast<std::uint64_t>(
      std::count_if(slots.begin(), slots.end(), [&](const Slot& slot) { return listens_to(types, slot.type); }));
}

/// What decides isn't given what others than the trainer publish; who wonders why is told of the first few kinds.
void Worker::note_passed_by(const Row& row, const Ring& ring, std::span<const Slot> slots) {
  constexpr std::size_t few = 4;
  Subscription& to = *row.to;
  if (row.one_producer && to.options_.producer != ring.name) return;
  if (row.bounded) slots = within_bounds(to, ring.id(), slots);
  std::uint64_t matched = 0;
  if (row.bounded || row.types.empty())
    matched = matches(to, slots);
  else
    for (const EventId type : row.types) matched += counts_[type];
  if (matched == 0) return;
  to.passed_by_.add(matched);
  EventId last = 0;
  Name last_metric{};
  for (const Slot& slot : slots) {
    if (to.passed_kinds_.size() == few) return;  // this thread alone writes it
    if (!listens_to(row.types, slot.type)) continue;
    const Name metric = slot.type == Metric::id ? slot.as<Metric>().metric : Name{};
    if (slot.type == last && metric == last_metric) continue;
    last = slot.type, last_metric = metric;
    if (std::any_of(to.passed_kinds_.begin(), to.passed_kinds_.end(),
                    [&](const auto& kind) { return kind.type == slot.type && kind.metric == metric; }))
      continue;
    const std::lock_guard lock(to.mutex_);
    to.passed_kinds_.push_back({slot.type, metric, ring.name});
  }
}

/// Those that were published between its begin and its end.
std::span<const Slot> Worker::within_bounds(const Subscription& to, unsigned ring,
                                            std::span<const Slot> slots) const noexcept {
  const Sequence front = slots.front().sequence, behind = front + slots.size();
  const Sequence begin = std::max(Subscription::at_or(to.begin_, ring, 0), front);
  const Sequence end = to.ends_ ? std::min(Subscription::at_or(to.end_seen_, ring, 0), behind) : behind;
  return begin < end ? slots.subspan(begin - front, end - begin) : std::span<const Slot>{};
}

/// Handlers are timed by the wall clock, since a thread's CPU clock costs a system call. Read once for many spans, it
/// takes out what the thread stood still for while they ran.
void Worker::settle_cpu() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  const Nanoseconds cpu = time.tv_sec * 1'000'000'000 + time.tv_nsec,
                    spent = std::max<Nanoseconds>(cpu - std::exchange(cpu_at_, cpu), 0);
  unsettled_ = 0;
  Nanoseconds sum = 0;
  for (const Subscription* to : unsettled_of_) sum += to->unsettled_ns_;
  const double share = sum > spent ? static_cast<double>(spent) / static_cast<double>(sum) : 1;
  for (Subscription* const to : unsettled_of_)
    to->meter_.cpu_ns.add(static_cast<std::uint64_t>(static_cast<double>(std::exchange(to->unsettled_ns_, 0)) * share));
  unsettled_of_.clear();
}

}  // namespace sidestep
