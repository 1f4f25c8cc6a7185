#pragma once

#include <sidestep/bus/ring.hpp>

#include <array>
#include <bit>
#include <limits>

namespace sidestep {

/// Reads along with a ring, from another process: it has no cursor, so its writer never waits for it and never looks at
/// it, and may overwrite what it is about to read. Each event is copied, and then the copy is kept or thrown away: it
/// is whole if the slot still has its number and the ring's reach says that nothing was written over it. What was
/// overtaken is counted. Nothing that the memory holds makes next() loop, or read beyond the slots. Invariant: every
/// number from begin() on and before where it stands is counted by either seen() or missed().
template <class Atomics = StdAtomics>
class WatchedRing {
 public:
  enum class Look : std::uint8_t {
    event,    ///< here is the next one
    nothing,  ///< it isn't published yet
    missed,   ///< some were overwritten before they were read; look again
    over,     ///< there will be no more
  };
  /// A reach that says that the memory belongs to another ring by now.
  static constexpr Sequence taken_away = std::numeric_limits<Sequence>::max();
  /// The memory of a ring that has told its end is about to be written by another.
  static void take_away(RingTraces& traces) noexcept {
    // release: pairs with the acquire in overtaken(); who reads it sees the end
    Atomics::store(traces.reach, taken_away, std::memory_order_release);
    // release: pairs with the acquire fence in next(), as in BasicRing::make_room()
    Atomics::fence(std::memory_order_release);
  }

  /// `oldest`: begins with the oldest event that the ring still holds, and not with its first.
  WatchedRing(const Slot* slots, std::size_t capacity, Sequence first, const RingTraces* traces, bool oldest)
      : slots_(slots), capacity_(capacity), traces_(traces), begin_(first), next_(first) {
    if (!oldest) return;
    // relaxed both: what this look doesn't know yet, overtaken() will count
    const Sequence reach = Atomics::load(traces_->reach, std::memory_order_relaxed);
    if (reach == taken_away)
      next_ = std::max(first, Atomics::load(traces_->end, std::memory_order_relaxed));
    else if (reach > capacity_ && reach - capacity_ > first)
      next_ = reach - capacity_;
    begin_ = next_;
  }

  /// Copies the next event.
  Look next(Slot& to) noexcept {
    const Slot& slot = slots_[next_ & (capacity_ - 1)];
    // acquire: pairs with the release in BasicRing::commit(), and with a half each of a line that was streamed; what is
    // copied then is this event, or a later one over it
    if (Atomics::load(slot.sequence, std::memory_order_acquire) == next_ &&
        Atomics::load(slot.check, std::memory_order_acquire) == check_of(next_)) {
      const auto* const words = reinterpret_cast<const std::uint64_t*>(&slot);
      std::array<std::uint64_t, sizeof(Slot) / sizeof(std::uint64_t)> copy{next_};
      for (std::size_t i = 1; i < copy.size(); ++i) copy[i] = Atomics::load(words[i], std::memory_order_relaxed);
      const std::uint8_t check = Atomics::load(slot.check, std::memory_order_relaxed);
      // acquire: pairs with the release fence in BasicRing::make_room(), if a word is of a later event
      Atomics::fence(std::memory_order_acquire);
      // relaxed both: the fence orders them. The number and the check tell of a later event that was streamed, in one
      // half of the line or the other; the reach of one that is written field by field.
      const Sequence reach = Atomics::load(traces_->reach, std::memory_order_relaxed);
      if (Atomics::load(slot.sequence, std::memory_order_relaxed) == next_ && check == check_of(next_) &&
          oldest(reach) <= next_) {
        to = std::bit_cast<Slot>(copy);
        ++next_;
        ++seen_;
        return Look::event;
      }
    }
    return overtaken() ? Look::missed : over_ ? Look::over : Look::nothing;
  }

  /// The number that it began with.
  Sequence begin() const noexcept { return begin_; }
  std::uint64_t seen() const noexcept { return seen_; }
  std::uint64_t missed() const noexcept { return missed_; }
  bool over() const noexcept { return over_; }

 private:
  /// The oldest number that is surely not being written over.
  Sequence oldest(Sequence reach) const noexcept { return reach > capacity_ ? reach - capacity_ : 0; }

  /// Goes on where the ring's memory is whole, if it has been left behind. Else looks whether the ring has come to its
  /// end.
  bool overtaken() noexcept {
    // acquire: pairs with the release in take_away(), before which `end` was stored; relaxed without it, as in
    // tell_end()
    const Sequence reach = Atomics::load(traces_->reach, std::memory_order_acquire);
    const Sequence end = Atomics::load(traces_->end, std::memory_order_relaxed);
    const Sequence whole = reach == taken_away ? end : oldest(reach);
    if (whole > next_) {
      missed_ += whole - next_;
      next_ = whole;
      return true;
    }
    over_ = reach == taken_away || (end != 0 && next_ >= end);
    return false;
  }

  const Slot* const slots_;
  const std::size_t capacity_;
  const RingTraces* const traces_;
  Sequence begin_, next_;
  std::uint64_t seen_ = 0, missed_ = 0;
  bool over_ = false;
};

}  // namespace sidestep
