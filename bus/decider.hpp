#pragma once

#include <sidestep/bus/atomics.hpp>
#include <sidestep/bus/types.hpp>

namespace sidestep {

/// What a decider has published of its progress, in one 64-bit word: the number of the trainer's event through which it
/// has decided, and how many requests it has made. One word, so that no reader can see the number without the requests.
/// 1 bit "ended" (it will never decide again), 39 bits number, 24 bits count; both are compared modulo their width,
/// which a ring (at most 2^38 events) and 2^23 open requests can't exceed.
struct Watermark {
  static constexpr int count_bits = 24, number_bits = 39;
  static constexpr std::uint64_t count_mask = (std::uint64_t{1} << count_bits) - 1;
  static constexpr std::uint64_t number_mask = (std::uint64_t{1} << number_bits) - 1;
  static constexpr std::uint64_t ended_bit = std::uint64_t{1} << 63;
  static_assert(count_bits + number_bits + 1 == 64);

  std::uint64_t word = 0;

  static constexpr Watermark of(Sequence number, std::uint64_t made, bool ended = false) noexcept {
    return {(ended ? ended_bit : 0) | (number & number_mask) << count_bits | (made & count_mask)};
  }
  constexpr bool ended() const noexcept { return (word & ended_bit) != 0; }
  constexpr std::uint64_t number() const noexcept { return (word >> count_bits) & number_mask; }
  constexpr std::uint64_t count() const noexcept { return word & count_mask; }

  /// Has it decided on event `number` (a full sequence number)?
  constexpr bool reached(Sequence needed) const noexcept {
    return ended() || ((this->number() - needed) & number_mask) < (std::uint64_t{1} << (number_bits - 1));
  }
  /// How many requests it has made that aren't among the first `taken` (a full count).
  constexpr std::uint64_t beyond(std::uint64_t taken) const noexcept { return (count() - taken) & count_mask; }
};

/// A Watermark that a decider's thread stores and the trainer loads. Nobody combines the words of several, so no fence
/// is needed.
template <class Atomics = StdAtomics>
class BasicWord {
 public:
  BasicWord() = default;
  explicit BasicWord(Watermark first) noexcept : value_(first.word) {}
  /// Behind the requests that it counts.
  void store(Watermark now) noexcept {
    // release: pairs with the acquire in load(); whoever sees this number finds all requests counted here
    value_.store(now.word, std::memory_order_release);
  }
  Watermark load() const noexcept { return {value_.load(std::memory_order_acquire)}; }  // pairs with store()
  /// A number that changes with it.
  std::uint64_t progress() const noexcept {
    // relaxed: only whether it changes
    return value_.load(std::memory_order_relaxed);
  }
  /// A loop begins whose events count from another number. Its own thread, while its decider is idle.
  Watermark begin_anew(Sequence number) noexcept {
    // relaxed, both: an earlier loop has seen all requests of the last word, and the next word is stored by who has
    // seen this loop's events
    const Watermark was{value_.load(std::memory_order_relaxed)};
    const Watermark now = Watermark::of(number, was.count(), was.ended());
    value_.store(now.word, std::memory_order_relaxed);
    return now;
  }

 private:
  typename Atomics::template Atomic<std::uint64_t> value_{0};
};

/// Rung when something new waits for the trainer, who looks at it alone, once a step, and at the rest when it was rung.
template <class Atomics = StdAtomics>
class BasicBell {
 public:
  /// Behind what it is rung for. Release: pairs with the acquire in clear(). A read-modify-write, since it goes on with
  /// the release sequence of whoever rang before: one clearing finds the words of all.
  void ring() noexcept { rung_.exchange(true, std::memory_order_release); }
  bool rung() const noexcept {
    // relaxed: who is told so clears it before he looks
    return rung_.load(std::memory_order_relaxed);
  }
  /// Before the look: what comes behind it rings again.
  bool clear() noexcept { return rung_.exchange(false, std::memory_order_acquire); }  // pairs with ring()

 private:
  typename Atomics::template Atomic<bool> rung_{false};
};

/// How the trainer sees a decider: the last word that it has seen, and how many requests it has taken.
template <class Atomics = StdAtomics>
struct BasicWordView {
  const BasicWord<Atomics>* word;
  Watermark seen;
  std::uint64_t taken;

  /// Requests that the word counts and that are still in the mailbox.
  std::uint64_t waiting() const noexcept { return seen.beyond(taken); }
  void look() noexcept { seen = word->load(); }
  /// Has it decided on event `need`? A word is read again only if the one seen is too small.
  bool reached(Sequence need) noexcept {
    if (!seen.reached(need)) look();
    return seen.reached(need);
  }
};

/// One decider as the bus sees it: the inline deciders of one dispatcher together, or one pipeline behind observe_on.
/// Its owner (the control) outlives the bus' use of it.
template <class Atomics = StdAtomics>
struct BasicDecider {
  template <class T>
  using Atomic = typename Atomics::template Atomic<T>;

  BasicWord<Atomics>* word = nullptr;  ///< up to eight share a line on purpose: the trainer gets all in one transfer
  BasicBell<Atomics>* bell = nullptr;  ///< rung when a word holds new requests: who waits for no word looks at it alone
  std::uint64_t made = 0;              ///< requests so far; the decider's own thread only
  Sequence through = 0;                ///< last number that it has seen; the decider's own thread only
  std::uint64_t stored_made = 0;       ///< `made` in the last word; the decider's own thread only
  Sequence stored_through = 0;         ///< `through` in the last word; the decider's own thread only
  Atomic<bool> failed{false};          ///< stored by the trainer: nothing more is handed over or accepted
  Atomic<bool> eager{false};  ///< lag, lockstep: a word after each span; relaxed: only after a request and now and then

  /// Publishes progress through event `number`. Call it after the requests are in the mailbox.
  void advance(Sequence number, bool force = false) noexcept {
    through = number;
    // relaxed: `eager` is set before the first event is published, and a late view costs one skipped word at most
    if (!force && made == stored_made && !eager.load(std::memory_order_relaxed) && number - stored_through < 4096)
      return;
    const bool asks = made != stored_made;
    stored_made = made;
    stored_through = number;
    word->store(Watermark::of(number, made));
    if (asks) ring();
  }
  /// It will never decide again.
  void finish() noexcept {
    const bool asks = made != stored_made;
    stored_made = made;
    word->store(Watermark::of(through, made, true));
    if (asks) ring();
  }

 private:
  void ring() noexcept {
    if (bell != nullptr) bell->ring();
  }
};

using Word = BasicWord<>;
using Bell = BasicBell<>;
using WordView = BasicWordView<>;
using Decider = BasicDecider<>;

}  // namespace sidestep
