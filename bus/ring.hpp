#pragma once

#include <sidestep/bus/stores.hpp>
#include <sidestep/bus/subscription.hpp>

#include <concurrentqueue/concurrentqueue.h>

#include <atomic>
#include <bit>
#include <memory>
#include <span>
#include <string>

namespace sidestep {

/// The real atomics. tests/model/ runs the same ring on instrumented ones.
struct StdAtomics {
  template <class T>
  static T load(const T& place, std::memory_order order) noexcept { return std::atomic_ref<T>(const_cast<T&>(place)).load(order); }
  template <class T>
  static void store(T& place, T value, std::memory_order order) noexcept { std::atomic_ref<T>(place).store(value, order); }
};

/// One writer, one reader (the dispatcher). The number lies in the slot, so handing an event over moves one cache line, and
/// nothing else is shared: the writer looks at the reader's cursor only when its ring seems full, the reader never at the writer.
/// Events may also be streamed into their slots (stores.hpp); then a number may be counted in next() a little before its slot shows
/// it, so whoever asks whether all is read compares cursor() with next(), and doesn't look at the slots.
/// Invariant: slot (n & mask) holds event n from its release store until the cursor has passed n and n + capacity is written.
template <class Atomics = StdAtomics>
class BasicRing {
 public:
  explicit BasicRing(std::size_t capacity, Sequence first = 1, bool streaming = false, std::uint32_t id = 0)
      : slots_(std::make_unique<Slot[]>(capacity)), mask_(capacity - 1), first_(first), id_(id), streaming_(streaming), next_(first),
        limit_(first + capacity), cursor_(first) {}

  std::size_t capacity() const noexcept { return mask_ + 1; }
  /// No other ring of its bus has the same.
  std::uint32_t id() const noexcept { return id_; }
  /// Its producer streams events that refer to nothing else.
  bool streaming() const noexcept { return streaming_; }

  // ---- the writer's side

  /// The slot for the next event, or null when the ring is full as far as the writer knows.
  Slot* claim() noexcept {
    const Sequence next = Atomics::load(next_, std::memory_order_relaxed);  // only this thread stores it
    return next < limit_ ? &slots_[next & mask_] : nullptr;
  }
  /// Hands the claimed slot over. Returns its number.
  Sequence commit(Slot& slot) noexcept {
    const Sequence number = Atomics::load(next_, std::memory_order_relaxed);
    // release: pairs with the acquire in available(); a reader that sees this number sees the whole slot
    Atomics::store(slot.sequence, number, std::memory_order_release);
    count(number);
    return number;
  }
  /// Writes the claimed slot past the caches and hands it over.
  void commit_streaming(Slot& slot, Nanoseconds stamp, std::uint64_t header, const Words& body) noexcept {
    const Sequence number = Atomics::load(next_, std::memory_order_relaxed);
    stream_slot(slot, number, stamp, header, body);
    count(number);
  }
  /// Looks how far the reader is. False: the ring is full indeed.
  bool make_room() noexcept {
    // acquire: pairs with the release in release(); the reader is done with every slot before the cursor
    limit_ = Atomics::load(cursor_, std::memory_order_acquire) + capacity();
    return Atomics::load(next_, std::memory_order_relaxed) < limit_;
  }

  // ---- the reader's side

  /// Events that are ready, contiguous in memory, at most `most`.
  std::span<const Slot> available(std::size_t most) const noexcept {
    const Sequence from = Atomics::load(cursor_, std::memory_order_relaxed);  // only this thread stores it
    const std::size_t first = from & mask_;
    const std::size_t end = std::min(most, capacity() - first);
    std::size_t count = 0;
    // acquire: pairs with the release in commit()
    while (count < end && Atomics::load(slots_[first + count].sequence, std::memory_order_acquire) == from + count) ++count;
    return {&slots_[first], count};
  }
  /// The reader is done with `count` more events.
  void release(std::size_t count) noexcept {
    // release: pairs with the acquire in make_room()
    Atomics::store(cursor_, Atomics::load(cursor_, std::memory_order_relaxed) + count, std::memory_order_release);
  }

  // ---- anybody

  /// The number that the next event will have.
  Sequence next() const noexcept { return Atomics::load(next_, std::memory_order_acquire); }      // pairs with commit()
  /// The first number that the reader isn't done with.
  Sequence first() const noexcept { return first_; }  ///< the number of its first event
  Sequence cursor() const noexcept { return Atomics::load(cursor_, std::memory_order_acquire); }  // pairs with release()
  /// The reader is done with all that was published until now.
  bool caught_up() const noexcept { return cursor() >= next(); }

 private:
  void count(Sequence number) noexcept {
    // release: pairs with the acquire in next(); whoever reads a number here may wait until the cursor reaches it
    Atomics::store(next_, number + 1, std::memory_order_release);
  }

  const std::unique_ptr<Slot[]> slots_;
  const std::size_t mask_;
  const Sequence first_;
  const std::uint32_t id_;
  const bool streaming_;
  alignas(no_sharing) Sequence next_;    // the writer's line
  Sequence limit_;                       // the writer's alone
  alignas(no_sharing) Sequence cursor_;  // the reader's line
};

/// A producer's ring and what belongs to it.
struct Ring : BasicRing<> {
  Ring(std::size_t capacity, Sequence first, std::uint32_t id, Stream stream, std::string name, bool streaming)
      : BasicRing(capacity, first, streaming, id), stream(stream), name(std::move(name)) {}

  alignas(no_sharing) const Stream stream;  ///< trainer or others. Aligned: not in what is left of the cursor's line
  const std::string name;

  std::atomic<bool> left{false};    ///< the producer is gone (release); pairs with the dispatcher's acquire before it retires the ring
  std::atomic<bool> held{false};  ///< close() waits until its producer has come to its own end (release); acquire in Dispatcher::close
  std::atomic<bool> closed{false};  ///< the bus is (release): a full ring then swallows instead of waiting; acquire in publish_slow
  std::atomic<bool> abandoned{false};  ///< its dispatcher hangs for good (release): a full ring swallows; acquire in publish_slow

  // Events that a thread of the bus published while the ring was full; read after the ring. Producer: `spilled` (release, after
  // the enqueue); dispatcher: `unspilled` (release, after the handling). The ring isn't written again until they are equal.
  moodycamel::ConcurrentQueue<Slot> spill{64};
  std::atomic<std::uint64_t> spilled{0}, unspilled{0};

  Counter waits, waited_ns, swallowed;  ///< the producer's
  Counter spilled_total;                ///< the producer's
};

}  // namespace sidestep
