#pragma once

#include <sidestep/bus/types.hpp>

#include <atomic>

namespace sidestep {

/// What a decider has published of its progress, in one 64-bit word: the number of the trainer's event through which it has
/// decided, and how many requests it has made. One word, so that no reader can see the number without the requests.
/// 1 bit "ended" (it will never decide again), 39 bits number, 24 bits count; both are compared modulo their width, which a ring
/// (at most 2^38 events) and 2^23 open requests can't exceed.
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

/// One decider as the bus sees it: the inline deciders of one dispatcher together, or one pipeline behind observe_on.
/// Its owner (the control) outlives the bus' use of it.
struct Decider {
  std::atomic<std::uint64_t>* word = nullptr;  ///< up to eight share a line on purpose: the trainer gets all in one transfer
  std::atomic<bool>* bell = nullptr;           ///< rung when a word holds new requests: who waits for no word looks at it alone
  std::uint64_t made = 0;                      ///< requests so far; the decider's own thread only
  Sequence through = 0;                        ///< last number that it has seen; the decider's own thread only
  std::uint64_t stored_made = 0;               ///< `made` in the last word; the decider's own thread only
  Sequence stored_through = 0;                 ///< `through` in the last word; the decider's own thread only
  std::atomic<bool> failed{false};             ///< stored by the trainer (release): nothing more is handed over or accepted
  std::atomic<bool> eager{false};              ///< lag, lockstep: a word after each span; relaxed: only after a request and now and then

  /// Publishes progress through event `number`. Call it after the requests are in the mailbox.
  void advance(Sequence number, bool force = false) noexcept {
    through = number;
    // relaxed: `eager` is set before the first event is published, and a late view costs one skipped word at most
    if (!force && made == stored_made && !eager.load(std::memory_order_relaxed) && number - stored_through < 4096) return;
    const bool asks = made != stored_made;
    stored_made = made;
    stored_through = number;
    // release: pairs with the trainer's acquire at its boundary; whoever sees this number finds all requests counted here
    word->store(Watermark::of(number, made).word, std::memory_order_release);
    if (asks) ring();
  }
  /// It will never decide again.
  void finish() noexcept {
    const bool asks = made != stored_made;
    stored_made = made;
    word->store(Watermark::of(through, made, true).word, std::memory_order_release);  // pairs as in advance()
    if (asks) ring();
  }
  /// Behind the word. Release: pairs with the acquire of who clears it, and then finds the word. A read-modify-write, since it
  /// goes on with the release sequence of whoever rang before: one clearing finds the words of all.
  void ring() noexcept {
    if (bell != nullptr) bell->exchange(true, std::memory_order_release);
  }
};

}  // namespace sidestep
