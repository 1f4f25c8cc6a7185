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
      : slots_(std::make_unique<Slot[]>(capacity)), first_(first), writer_{slots_.get(), capacity - 1, first, first + capacity, id, streaming},
        reader_{slots_.get(), capacity - 1, first} {}

  std::size_t capacity() const noexcept { return reader_.mask + 1; }
  /// No other ring of its bus has the same.
  std::uint32_t id() const noexcept { return writer_.id; }
  /// Its producer streams events that refer to nothing else.
  bool streaming() const noexcept { return writer_.streaming; }

  // ---- the writer's side

  /// The slot for the next event, or null when the ring is full as far as the writer knows.
  Slot* claim() noexcept {
    const Sequence next = Atomics::load(writer_.next, std::memory_order_relaxed);  // only this thread stores it
    return next < writer_.limit ? &writer_.slots[next & writer_.mask] : nullptr;
  }
  /// Hands the claimed slot over. Returns its number.
  Sequence commit(Slot& slot) noexcept {
    const Sequence number = Atomics::load(writer_.next, std::memory_order_relaxed);
    // release: pairs with the acquire in available(); a reader that sees this number sees the whole slot
    Atomics::store(slot.sequence, number, std::memory_order_release);
    count(number);
    return number;
  }
  /// Writes the claimed slot past the caches and hands it over.
  void commit_streaming(Slot& slot, Nanoseconds stamp, std::uint64_t header, const Words& body) noexcept {
    const Sequence number = Atomics::load(writer_.next, std::memory_order_relaxed);
    stream_slot(slot, number, stamp, header, body);
    count(number);
  }
  /// Looks how far the reader is. False: the ring is full indeed.
  bool make_room() noexcept {
    // acquire: pairs with the release in release(); the reader is done with every slot before the cursor
    writer_.limit = Atomics::load(reader_.cursor, std::memory_order_acquire) + writer_.mask + 1;
    return Atomics::load(writer_.next, std::memory_order_relaxed) < writer_.limit;
  }

  // ---- the reader's side

  /// Events that are ready, contiguous in memory, at most `most`.
  std::span<const Slot> available(std::size_t most) const noexcept {
    const Sequence from = Atomics::load(reader_.cursor, std::memory_order_relaxed);  // only this thread stores it
    const std::size_t first = from & reader_.mask;
    const std::size_t end = std::min(most, capacity() - first);
    std::size_t count = 0;
    // acquire: pairs with the release in commit()
    while (count < end && Atomics::load(reader_.slots[first + count].sequence, std::memory_order_acquire) == from + count) ++count;
    return {&reader_.slots[first], count};
  }
  /// The reader is done with `count` more events.
  void release(std::size_t count) noexcept {
    // release: pairs with the acquire in make_room()
    Atomics::store(reader_.cursor, Atomics::load(reader_.cursor, std::memory_order_relaxed) + count, std::memory_order_release);
  }

  // ---- anybody

  /// The number that the next event will have.
  Sequence next() const noexcept { return Atomics::load(writer_.next, std::memory_order_acquire); }      // pairs with commit()
  /// The first number that the reader isn't done with.
  Sequence first() const noexcept { return first_; }  ///< the number of its first event
  Sequence cursor() const noexcept { return Atomics::load(reader_.cursor, std::memory_order_acquire); }  // pairs with release()
  /// The reader is done with all that was published until now.
  bool caught_up() const noexcept { return cursor() >= next(); }

 private:
  void count(Sequence number) noexcept {
    // release: pairs with the acquire in next(); whoever reads a number here may wait until the cursor reaches it
    Atomics::store(writer_.next, number + 1, std::memory_order_release);
  }

  const std::unique_ptr<Slot[]> slots_;
  const Sequence first_;
  // Each side finds all that it needs in one line, what never changes too: a training step leaves nothing in a core's caches, and a
  // publish behind it waits for each line that it reads.
  struct alignas(no_sharing) {
    Slot* slots;
    std::size_t mask;
    Sequence next, limit;  // limit: the writer's alone
    std::uint32_t id;
    bool streaming;
  } writer_;
  struct alignas(no_sharing) {
    const Slot* slots;
    std::size_t mask;
    Sequence cursor;
  } reader_;
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
