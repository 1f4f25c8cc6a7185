#include <sidestep/trainer/control/watch.hpp>

#include <sidestep/bus/pause.hpp>
#include <sidestep/bus/test_point.hpp>
#include <sidestep/bus/wait_clock.hpp>

#include <fmt/format.h>

#include <thread>

namespace sidestep::detail {
namespace {

constexpr Nanoseconds first_slice = 20'000, longest_slice = 1'000'000;

std::string seconds(Nanoseconds length) { return fmt::format("{:g} s", static_cast<double>(length) / 1e9); }

}  // namespace

Watch::Watch(Bus& bus, ControlCore& core, const Producer& producer, std::chrono::nanoseconds deadline, OnFail on_fail)
    : bus_(bus), core_(core), producer_(producer), deadline_(deadline.count()), on_fail_(std::move(on_fail)) {}

void Watch::add(DeciderEntry& entry, Sequence passed, bool eager) {
  Decider& decider = entry.decider;
  // relaxed: before the first event that it sees is published
  decider.eager.store(eager, std::memory_order_relaxed);
  const Watermark now = decider.word->begin_anew(passed);
  live_.push_back({decider.word, now, now.count()});
  behind_.push_back({&entry});
}

void Watch::set_eager(bool eager) noexcept {
  // relaxed: the next event's release carries it to whoever handles that event
  for (const Behind& one : behind_) one.entry->decider.eager.store(eager, std::memory_order_relaxed);
}

void Watch::wait(Sequence need) {
  if (all_passed(need)) return;
  ++waits_;
  const Nanoseconds begin = Clock::steady();
  const auto passed = [&] {
    for (WordView& live : live_) live.reached(need);
    return all_passed(need);
  };
  test_point(Point::boundary_wait, this);
  bus_.wake();
  bool there = false;
  for (int spin = 0; spin < 500 && !there; ++spin) {  // a hand-over takes less than a nap
    if (!bus_.options().thread) bus_.poll();
    there = passed();
    pause();
  }
  WaitClock waited;
  for (Nanoseconds slice = first_slice; !there; slice = std::min(slice + slice / 2, longest_slice)) {
    test_point(Point::boundary_wait, this);
    std::this_thread::sleep_for(std::chrono::nanoseconds(slice));
    bus_.wake();
    if (!bus_.options().thread) bus_.poll();
    there = passed();
    if (!there) this->slice(need, waited.slice(), true), there = all_passed(need);
  }
  for (Behind& one : behind_) one.silent = 0;
  waited_ += Clock::steady() - begin;
}

bool Watch::all_passed(Sequence number) const noexcept {
  for (const WordView& live : live_)
    if (!live.seen.reached(number)) return false;
  return true;
}

Sequence Watch::passed(Sequence last) const noexcept {
  Sequence least = last;
  for (const WordView& live : live_) {
    if (live.seen.reached(least)) continue;
    // the full number from its low bits: it lies behind `last` by less than half of their range
    least = last - ((last - live.seen.number()) & Watermark::number_mask);
  }
  return least;
}

void Watch::take(const std::function<void(Request&&)>& accept) {
  for (std::size_t i = 0; i < live_.size(); ++i) {
    while (live_[i].waiting() != 0) {
      // From this decider's own lane, and no further than its word: what is in the mailbox beyond it is not yet
      // anybody's.
      Request request;
      DeciderEntry& entry = *behind_[i].entry;
      const std::uint64_t expected = live_[i].taken + 1;
      test_point(Point::mailbox, this);
      if (!core_.mailbox.try_dequeue_from_producer(entry.token, request))
        throw MailboxError(
            fmt::format("request {} of a decider is counted in its word and not in the mailbox.", expected));
      if (((request.made - expected) & Watermark::count_mask) != 0)
        throw MailboxError(
            fmt::format("request {} of a decider came out of the mailbox where {} was due.", request.made, expected));
      ++live_[i].taken;
      accept(std::move(request));
    }
  }
}

/// Anything that shows that a decider lives: its word, what its executor has finished; for the inline ones what the
/// dispatcher has.
std::uint64_t Watch::progress_of(std::size_t i) const noexcept {
  std::uint64_t progress = live_[i].word->progress();
  const Subscription* const own = behind_[i].entry->subscription;
  if (own == nullptr) return progress + producer_.ring().cursor();
  for (const auto& queue : own->queues())
    progress += queue->finished.load(std::memory_order_relaxed) + queue->marks_done.load(std::memory_order_relaxed);
  return progress;
}

/// A dispatcher that stands at somebody's full queue is not itself to blame.
bool Watch::somebody_blocks() const {
  for (const Handle& handle : bus_.subscriptions())
    if (handle->life() == Subscription::Life::running && !handle->decider_failed() && !handle->queues_idle())
      return true;
  return false;
}

bool Watch::guilty(std::size_t i, bool at_boundary) const {
  const Nanoseconds silent = behind_[i].silent;
  const Subscription* const own = behind_[i].entry->subscription;
  if (own != nullptr && own->failed()) return silent >= std::min<Nanoseconds>(deadline_, 1'000'000'000);
  if (silent < deadline_) return false;
  // In relaxed a word stands still while nothing is asked for: there only work that isn't done counts. At a boundary
  // that needs the word, a second deadline covers what can't be told apart from here.
  if (own != nullptr) return !own->queues_idle() || (at_boundary && silent >= 2 * deadline_);
  return silent >= 2 * deadline_ || !somebody_blocks();
}

void Watch::slice(Sequence need, Nanoseconds length, bool at_boundary) {
  for (std::size_t i = 0; i < live_.size(); ++i) {
    Behind& one = behind_[i];
    live_[i].look();
    const std::uint64_t progress = progress_of(i);
    if (live_[i].seen.reached(need) || progress != one.progress)
      one.silent = 0;
    else
      one.silent += length;
    one.progress = progress;
  }
  // Observed ones first: one that is failed may set the dispatcher free.
  for (const bool observed : {true, false})
    for (std::size_t i = 0; i < live_.size(); ++i) {
      if ((behind_[i].entry->subscription != nullptr) != observed || live_[i].seen.reached(need) ||
          !guilty(i, at_boundary))
        continue;
      fail(*behind_[i].entry, fmt::format("it has decided nothing for {}", seconds(deadline_)));
      for (Behind& other : behind_) other.silent = 0;
      if (!observed) {
        // A handler that hangs in the dispatcher takes the dispatcher with it, and all whom that feeds.
        bus_.abandon_dispatcher();
        for (const Behind& other : behind_) fail(*other.entry, "the dispatcher that feeds it hangs in a handler");
      }
      return;
    }
}

void Watch::fail_the_failed(Sequence need) {
  for (std::size_t i = 0; i < live_.size(); ++i) {
    const Subscription* const own = behind_[i].entry->subscription;
    if (own != nullptr && own->failed() && !live_[i].seen.reached(need))
      fail(*behind_[i].entry, "it has failed, and a checkpoint waits for it");
  }
}

void Watch::fail(DeciderEntry& entry, const std::string& why) {
  for (std::size_t i = 0; i < live_.size(); ++i) {
    if (behind_[i].entry != &entry || entry.decider.failed.load(std::memory_order_relaxed))
      continue;  // only this thread stores it
    // relaxed: see Subscription::decider_failed
    entry.decider.failed.store(true, std::memory_order_relaxed);
    // Frozen here: what this word covers stands, whatever comes later stays in the mailbox.
    live_[i].look();
    live_[i].seen.word |= Watermark::ended_bit;
    frozen_.push_back(std::make_unique<Word>(live_[i].seen));
    live_[i].word = frozen_.back().get();
    on_fail_(entry, why);
    core_.alarm();  // what its word covers may not have been rung for
  }
}

DeciderEntry* Watch::entry_of(const Subscription& subscription) noexcept {
  for (const Behind& one : behind_)
    if (one.entry->subscription == &subscription) return one.entry;
  return nullptr;
}

}  // namespace sidestep::detail
