// What a dispatcher does beside running its pipelines over a span (worker_run.cpp): where spans come from, what it owes
// to those who wait, and its copy of the bus' lists.
#include <sidestep/bus/worker.hpp>

#include <sidestep/bus/dispatcher.hpp>
#include <sidestep/bus/events.hpp>
#include <sidestep/bus/pause.hpp>
#include <sidestep/bus/running.hpp>
#include <sidestep/bus/test_point.hpp>

#include <algorithm>
#include <utility>

namespace sidestep {
namespace {

constexpr Nanoseconds first_nap = 50'000, tick_interval = 1'000'000;
constexpr int patience = 32;  // passes
// that one pass takes before it looks at other rings: who spills is caught up with
constexpr int spans_of_spilled = 256;
constexpr std::uint64_t passes_a_sweep = 64;

bool hears(Stream wanted, Stream ring) noexcept { return wanted == Stream::all || wanted == ring; }

bool is_mark(const Slot& slot) noexcept { return slot.type == Barrier::id || slot.type == CheckpointLoaded::id; }

}  // namespace

void Worker::work() {
  const BusThread here;
  const Waiting waiting = bus_.options_.waiting;
  Nanoseconds nap = first_nap, silence = 0;
  std::uint64_t found = 0;
  int spins = 0;
  while (!bus_.dead()) {
    if (pass() && !bus_.completes_anyway()) {
      ++found;
      spins = 0;
      continue;
    }
    // A little patience before a nap: who publishes without pause would be met asleep.
    if (waiting == Waiting::park && found > 0 && ++spins < patience) {
      pause();
      continue;
    }
    const Dispatcher::Phase phase = bus_.phase_.load();
    if (index_ == 0 && phase == Dispatcher::Phase::closing && bus_.try_close()) return;
    if (index_ != 0 && phase >= Dispatcher::Phase::completing) {
      left.store(true);
      return;
    }
    if (waiting != Waiting::park) {
      waiting == Waiting::yield ? std::this_thread::yield() : pause();
      continue;
    }
    // Traffic that fills spans wants shorter naps, silence longer ones; in between the nap stays as it is.
    if (found == 0)
      nap *= 2;
    else if (found > 8)
      nap /= 2;
    if (found > 0) silence = 0;
    found = 0;
    nap = std::clamp(nap, first_nap / 4, longest_nap(silence));
    silence += nap;
    waker.sleep(nap);
  }
}

/// Beyond the bound that was asked for a nap grows with the silence before it, where nobody has said that he waits.
Nanoseconds Worker::longest_nap(Nanoseconds silence) const noexcept {
  // relaxed, all: advice; a late view costs one nap
  const Nanoseconds bound = std::max<Nanoseconds>(bus_.longest_nap.load(std::memory_order_relaxed), first_nap / 4);
  if (any_ticks_ || bus_.nap_was_set.load(std::memory_order_relaxed) || bus_.cut_sink.glance() != nullptr) return bound;
  return std::max<Nanoseconds>(bound, std::min<Nanoseconds>(bus_.options_.idle_nap.count(), silence / 8));
}

bool Worker::pass() {
  beat();
  renew();
  bool found = false;
  for (std::size_t i = 0; i < rings_.size() && !bus_.dead(); ++i) {
    const std::shared_ptr<Ring> ring = rings_[i];  // the list may be renewed meanwhile
    found |= drain(*ring);
    if (index_ != 0 || ring->spill.empty()) continue;
    found = true;
    for (int spans = 0; spans < spans_of_spilled && !ring->spill.empty() && !bus_.dead(); ++spans) {
      test_point(Point::putting_back, ring.get());
      const bool put = ring->spill.put_back<batch>(*ring) > 0;
      if (!drain(*ring) && !put) break;  // another dispatcher has to make room
    }
  }
  if (bus_.dead()) return false;
  if (any_ending_) end_subscriptions();
  hurry();
  if (!found) {
    run_length_ = 0;
    if (unsettled_ > 0) settle_cpu();
    if (any_ticks_) tick();
  }
  if (!found || ++passes_ % passes_a_sweep == 0) {
    if (index_ == 0) bus_.retire_rings();
    if (const std::uint64_t ends = bus_.ends_.number(); ends != ends_seen_ || ends_later_) {
      ends_seen_ = ends;
      ends_later_ = bus_.retire_pipelines(mine_);
    }
  }
  return found;
}

bool Worker::drain(Ring& ring) {
  std::span<const Slot> slots = ring.available(batch, index_);
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
  if (bus_.dead()) return true;
  if (ring.stream == Stream::trainer) advance_words(last.sequence, last.stamp);
  test_point(Point::cursor, &ring);
  // relaxed: a type is registered before the first of it is published
  if ((std::exchange(seen_as_, 0) & detail::types_with_payload.load(std::memory_order_relaxed)) != 0) [[unlikely]]
    for (const Slot& slot : slots) detail::drop_payload(slot, 1);
  ring.release(slots.size(), index_);
  return true;
}

/// How many of `slots` can be run before a mark must be sent: it ends its span.
std::size_t Worker::up_to_mark(const Ring& ring, std::span<const Slot> slots) const noexcept {
  if (ring.stream != Stream::trainer) return slots.size();
  const auto mark = std::find_if(slots.begin(), slots.end(), is_mark);
  return static_cast<std::size_t>(mark - slots.begin()) + (mark != slots.end() ? 1 : 0);
}

void Worker::send_mark(const Slot& slot) {
  CutSink* const sink = bus_.cut_sink.load();
  if (sink == nullptr) return;
  const bool barrier = slot.type == Barrier::id;
  const Mark mark{.kind = barrier ? Mark::Kind::barrier : Mark::Kind::restore,
                  .number = slot.sequence,
                  .stamp = slot.stamp,
                  .cut = barrier ? slot.as<Barrier>().cut : 0,
                  .sink = sink};
  for (const Handle& to : mine_) {
    const auto life = to->life();
    if (!to->options_.saved || life == Subscription::Life::failed || life == Subscription::Life::ended) continue;
    to->pipeline_->mark(mark);
    test_point(Point::cut_answered, to.get());
  }
}

/// Deciders have run through event `number` of the trainer's stream: says so where the trainer looks.
void Worker::advance_words(Sequence number, Nanoseconds stamp) {
  last_trainer_ = number;
  if (index_ != 0) return;
  for (Subscription* const to : observed_deciders_)
    // relaxed: see Decider::advance
    if (to->decider_->eager.load(std::memory_order_relaxed) && to->life() != Subscription::Life::failed &&
        !to->decider_failed())
      to->pipeline_->mark({.kind = Mark::Kind::progress, .number = number, .stamp = stamp});
  if (inline_deciders_.empty()) return;
  test_point(Point::word_inline, nullptr);
  for (Decider* const decider : inline_deciders_) decider->advance(number);
}

void Worker::finish_words() noexcept {
  for (Decider* const decider : inline_deciders_) decider->finish();
}

void Worker::end_subscriptions() {
  for (const Handle& to : mine_) {
    if (!to->ends_ || to->life() != Subscription::Life::running) continue;
    const bool reached = std::all_of(rings_.begin(), rings_.end(), [&](const auto& ring) {
      return ring->cursor(index_) >= Subscription::at_or(to->end_seen_, ring->id(), 0);
    });
    if (!reached) continue;
    to->pipeline_->mark({.kind = Mark::Kind::cancel, .number = last_trainer_, .stamp = bus_.clock_.now()});
    to->finish(Subscription::Life::ended);
  }
}

/// Who flushes waits for what pipelines hold back.
void Worker::hurry() {
  const std::uint64_t asked = bus_.hurry_asked_.number();  // by flush(), which has seen all that it waits for run
  if (asked == hurry_done.glance()) return;
  for (const Handle& to : mine_)
    if (to->life() == Subscription::Life::running) to->pipeline_->hurry();
  hurry_done.store(asked);
}

void Worker::tick() {
  const Nanoseconds now = bus_.clock_.now();
  if (now < last_tick_ + (bus_.clock_.manual() ? 1 : tick_interval)) return;
  last_tick_ = now;
  RunningHandler here;
  for (const Handle& to : mine_) {
    if (!to->pipeline_->wants_ticks() || to->life() != Subscription::Life::running) continue;
    here.belongs_to(to.get());
    to->pipeline_->mark({.kind = Mark::Kind::tick, .number = last_trainer_, .stamp = now});
    if (to->ended_inside()) ended_inside(*to);
  }
}

void Worker::renew() {
  if (bus_.version_.number() != seen_version_) [[unlikely]]
    renew_copy();
}

void Worker::renew_copy() {
  if (!unsettled_of_.empty()) settle_cpu();  // some of them may be gone
  // What is gone is destroyed behind the lock: what users' handlers hold may use the bus.
  std::vector<Handle> gone;
  std::vector<std::shared_ptr<Ring>> gone_rings;
  const std::lock_guard lock(bus_.mutex_);  // declared last, so released first
  seen_version_ = bus_.version_.number();   // it changes under the lock alone
  gone_rings.swap(rings_);
  rings_ = bus_.rings_;
  gone.swap(mine_);
  for (const Handle& to : bus_.subscriptions_)
    if (to->worker_ == index_) mine_.push_back(to);
  any_ticks_ = any_ending_ = false;
  inline_deciders_.clear();
  observed_deciders_.clear();
  rows_.clear();
  for (const Handle& to : mine_) {
    const bool runs = to->life() == Subscription::Life::running;
    any_ticks_ |= runs && to->pipeline_->wants_ticks();
    if (to->asked_to_end_ && !to->ends_) {
      to->ends_ = true;
      to->end_seen_ = to->end_;
    }
    any_ending_ |= to->ends_ && runs;
    // a number that the cursor has passed bounds nothing any more
    const bool begun = std::all_of(rings_.begin(), rings_.end(), [&](const auto& ring) {
      return Subscription::at_or(to->begin_, ring->id(), 0) <= ring->cursor(index_);
    });
    if (runs) {
      Row row{
          .to = to.get(),
          .pipeline = to->pipeline_.get(),
          .types = to->options_.types,
          .types_seen_as = to->types_seen_as_,
          .special = false,
          .bounded = !begun || to->ends_,
          .one_producer = !to->options_.producer.empty(),
          .lossy = !to->options_.overload.lossless(),
          .listens = {false, hears(to->options_.stream, Stream::trainer), hears(to->options_.stream, Stream::others)}};
      row.special = row.bounded || row.one_producer;
      rows_.push_back(row);
    }
    if (to->decider_ != nullptr && to->decider_part_ == 0 &&
        std::find(inline_deciders_.begin(), inline_deciders_.end(), to->decider_) == inline_deciders_.end())
      inline_deciders_.push_back(to->decider_);
    if (to->decider_ != nullptr && to->decider_part_ > 0) observed_deciders_.push_back(to.get());
  }
  index_rows();
}

/// So that pipelines which don't listen to an event's type cost it nothing, however many there are.
void Worker::index_rows() {
  unsettled_of_.reserve(rows_.size());
  const std::size_t words = (rows_.size() + 63) / 64;
  wanted_by_.assign(words, 0);
  listeners_.assign(64 * words, 0);
  for (std::size_t row = 0; row < rows_.size(); ++row)
    for (std::uint64_t types = rows_[row].types_seen_as; types != 0; types &= types - 1)
      listeners_[static_cast<std::size_t>(std::countr_zero(types)) * words + row / 64] |= std::uint64_t{1} << row % 64;
}

}  // namespace sidestep
