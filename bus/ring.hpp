#pragma once

#include <sidestep/bus/ring_memory.hpp>
#include <sidestep/bus/stores.hpp>
#include <sidestep/bus/subscription.hpp>

#include <concurrentqueue/concurrentqueue.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sidestep {

/// The real atomics. tests/model/ runs the same ring on instrumented ones.
struct StdAtomics {
  template <class T>
  static T load(const T& place, std::memory_order order) noexcept { return std::atomic_ref<T>(const_cast<T&>(place)).load(order); }
  template <class T>
  static void store(T& place, T value, std::memory_order order) noexcept { std::atomic_ref<T>(place).store(value, order); }
  static void fence(std::memory_order order) noexcept { std::atomic_thread_fence(order); }
};

/// One writer, one reader (the dispatcher) or some, each with a cursor of its own. The number lies in the slot, so handing an event
/// over moves one cache line, and nothing else is shared: the writer looks at the readers' cursors only when its ring seems full, a
/// reader never at the writer.
/// Events may also be streamed into their slots (stores.hpp); then a number may be counted in next() a little before its slot shows
/// it, so whoever asks whether all is read compares cursor() with next(), and doesn't look at the slots.
/// Invariant: slot (n & mask) holds event n from its release store until every cursor has passed n and n + capacity is written.
template <class Atomics = StdAtomics>
class BasicRing {
 public:
  explicit BasicRing(std::size_t capacity, Sequence first = 1, bool streaming = false, std::uint32_t id = 0, RingMemory memory = {},
                     unsigned readers = 1)
      : slots_(memory.slots != nullptr ? std::move(memory.slots) : std::shared_ptr<Slot[]>(new Slot[capacity]())), traces_(memory.traces),
        more_(readers > 1 ? std::make_unique<Reader[]>(readers - 1) : nullptr), readers_(readers), first_(first),
        writer_{slots_.get(), capacity - 1, first, first + capacity, id, streaming}, reader_{slots_.get(), capacity - 1, first} {
    for (unsigned i = 1; i < readers; ++i) more_[i - 1] = reader_;
  }
  BasicRing(const BasicRing&) = delete;
  BasicRing& operator=(const BasicRing&) = delete;

  /// Another producer's ring from now on. Nobody else may refer to it, or read along.
  void begin_anew(Sequence first, bool streaming, std::uint32_t id) noexcept {
    // A number that is left over from before must never look like one that is awaited.
    const Sequence written = std::min<Sequence>(writer_.next - first_, capacity());
    for (Sequence i = 0; i < written; ++i) slots_[static_cast<std::ptrdiff_t>((first_ + i) & writer_.mask)].sequence = 0;
    first_ = writer_.next = reader_.cursor = first;
    writer_.limit = first + capacity();
    writer_.id = id;
    writer_.streaming = streaming;
    for (unsigned i = 1; i < readers_; ++i) more_[i - 1].cursor = first;
  }
  /// Somebody may read along with it.
  bool traced() const noexcept { return traces_ != nullptr; }

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
#ifdef SIDESTEP_STREAMING_STORES
  /// Writes the claimed slot past the caches and hands it over.
  void commit_streaming(Slot& slot, Nanoseconds stamp, std::uint64_t header, const Words& body) noexcept {
    const Sequence number = Atomics::load(writer_.next, std::memory_order_relaxed);
    stream_slot(slot, number, stamp, header, body);
    count(number);
  }
#endif
  /// Looks how far the readers are. False: the ring is full indeed.
  bool make_room() noexcept {
    writer_.limit = cursor() + writer_.mask + 1;
    const Sequence next = Atomics::load(writer_.next, std::memory_order_relaxed);
    if (traces_ != nullptr) {
      // Twice a lap, so that there is always half a ring that is not being overwritten.
      writer_.limit = std::min(writer_.limit, next + capacity() / 2);
      // relaxed, and then a release fence: pairs with the acquire fence in WatchedRing::next(); whoever copied a word of an event
      // that is written from now on sees this reach
      Atomics::store(traces_->reach, writer_.limit, std::memory_order_relaxed);
      Atomics::fence(std::memory_order_release);
    }
    return next < writer_.limit;
  }

  /// Writes a whole event on the writer's behalf, who doesn't publish here meanwhile. False: the ring is full.
  bool append(const Slot& event) noexcept {
    // relaxed: whoever took the writer's place knows what he has stored; his `limit` is left alone, so he finds no room of his own
    const Sequence number = Atomics::load(writer_.next, std::memory_order_relaxed);
    if (number >= cursor() + capacity()) return false;
    if (traces_ != nullptr) {  // as in make_room()
      Atomics::store(traces_->reach, std::max(Atomics::load(traces_->reach, std::memory_order_relaxed), number + 1), std::memory_order_relaxed);
      Atomics::fence(std::memory_order_release);
    }
    Slot& slot = writer_.slots[number & writer_.mask];
    slot.stamp = event.stamp;
    slot.type = event.type;
    slot.size = event.size;
    slot.ring = event.ring;
    std::memcpy(slot.body, event.body, Slot::body_size);
    commit(slot);
    return true;
  }

  // ---- a reader's side; `which` counts them from 0

  /// Events that are ready, contiguous in memory, at most `most`.
  std::span<const Slot> available(std::size_t most, unsigned which = 0) const noexcept {
    const Reader& reader = of(which);
    const Sequence from = Atomics::load(reader.cursor, std::memory_order_relaxed);  // only this thread stores it
    const std::size_t first = from & reader.mask;
    const std::size_t end = std::min(most, reader.mask + 1 - first);
    std::size_t count = 0;
    // acquire: pairs with the release in commit()
    while (count < end && Atomics::load(reader.slots[first + count].sequence, std::memory_order_acquire) == from + count) ++count;
    return {&reader.slots[first], count};
  }
  /// The event with this number, which the reader has not released; null: it isn't there yet.
  const Slot* peek(Sequence number) const noexcept {
    const Slot& slot = reader_.slots[number & reader_.mask];
    return Atomics::load(slot.sequence, std::memory_order_acquire) == number ? &slot : nullptr;  // pairs with commit()
  }
  /// The reader is done with `count` more events.
  void release(std::size_t count, unsigned which = 0) noexcept {
    Reader& reader = of(which);
    // release: pairs with the acquire in cursor()
    Atomics::store(reader.cursor, Atomics::load(reader.cursor, std::memory_order_relaxed) + count, std::memory_order_release);
  }

  /// Nothing will be written any more: tells those who read along where it ended.
  void tell_end() noexcept {
    // relaxed: a number that a watcher compares with what it has come to; it believes the slots alone
    if (traces_ != nullptr) Atomics::store(traces_->end, next(), std::memory_order_relaxed);
  }

  // ---- anybody

  /// The number that the next event will have.
  Sequence next() const noexcept { return Atomics::load(writer_.next, std::memory_order_acquire); }      // pairs with commit()
  Sequence first() const noexcept { return first_; }  ///< the number of its first event
  /// The first number that not every reader is done with.
  Sequence cursor() const noexcept {
    // acquire, all of them: pairs with release(); the readers are done with every slot before the cursor
    Sequence least = Atomics::load(reader_.cursor, std::memory_order_acquire);
    for (unsigned i = 1; i < readers_; ++i) least = std::min(least, Atomics::load(more_[i - 1].cursor, std::memory_order_acquire));
    return least;
  }
  /// The first number that this one isn't done with.
  Sequence cursor(unsigned which) const noexcept { return Atomics::load(of(which).cursor, std::memory_order_acquire); }  // pairs with release()
  /// The readers are done with all that was published until now.
  bool caught_up() const noexcept { return cursor() >= next(); }

 private:
  void count(Sequence number) noexcept {
    // release: pairs with the acquire in next(); whoever reads a number here may wait until the cursor reaches it
    Atomics::store(writer_.next, number + 1, std::memory_order_release);
  }

  struct alignas(no_sharing) Reader {
    const Slot* slots;
    std::size_t mask;
    Sequence cursor;
  };
  Reader& of(unsigned which) noexcept { return which == 0 ? reader_ : more_[which - 1]; }
  const Reader& of(unsigned which) const noexcept { return which == 0 ? reader_ : more_[which - 1]; }

  const std::shared_ptr<Slot[]> slots_;
  RingTraces* const traces_;
  const std::unique_ptr<Reader[]> more_;  // behind the first
  const unsigned readers_;
  Sequence first_;
  // Each side finds all that it needs in one line, what never changes too: a training step leaves nothing in a core's caches, and a
  // publish behind it waits for each line that it reads.
  struct alignas(no_sharing) {
    Slot* slots;
    std::size_t mask;
    Sequence next, limit;  // limit: the writer's alone
    std::uint32_t id;
    bool streaming;
  } writer_;
  Reader reader_;
};

/// A producer's ring and what belongs to it. Rings are used again: see RingPool.
struct Ring : BasicRing<> {
  Ring(std::size_t capacity, Sequence first, std::uint32_t id, Stream stream, std::string name, bool streaming, RingMemory memory = {},
       unsigned readers = 1)
      : BasicRing(capacity, first, streaming, id, std::move(memory), readers), stream(stream), name(std::move(name)) {}
  ~Ring() { tell_end(); }

  /// As if it had just been made. Nobody else may refer to it.
  void begin_anew(Sequence first, std::uint32_t id, Stream whose, std::string_view called, bool streaming) {
    name = called;
    stream = whose;
    BasicRing::begin_anew(first, streaming, id);
    for (auto* const flag : {&left, &held, &closed, &abandoned}) flag->store(false, std::memory_order_relaxed);  // nobody looks yet
    spill_end.store(0, std::memory_order_relaxed);  // as above; `spilled` and `unspilled` are equal
    for (Counter* const counter : {&waits, &waited_ns, &swallowed}) counter->clear();
  }
  /// The number of the next event to be published here, what is spilled being counted too. One that is published by a thread which
  /// was told of this call's result has this number or a greater one.
  Sequence upcoming() const noexcept { return std::max(next(), spill_end.load(std::memory_order_acquire)); }  // pairs with publish_slow
  /// Something that was spilled has not come back to the ring.
  bool spilling() const noexcept {
    // acquire both: pairs with the releases of who spills, and of who puts back
    return spilled.load(std::memory_order_acquire) != unspilled.load(std::memory_order_acquire);
  }
  /// All that was published is read by all.
  bool read_out() const noexcept { return !spilling() && caught_up(); }

  alignas(no_sharing) Stream stream;  ///< trainer or others. Aligned: not in what is left of the cursor's line
  std::string name;

  std::atomic<bool> left{false};    ///< the producer is gone (release); pairs with the dispatcher's acquire before it retires the ring
  std::atomic<bool> held{false};  ///< close() waits until its producer has come to its own end (release); acquire in Dispatcher::close
  std::atomic<bool> closed{false};  ///< the bus is (release): a full ring then swallows instead of waiting; acquire in publish_slow
  std::atomic<bool> abandoned{false};  ///< its dispatcher hangs for good (release): a full ring swallows; acquire in publish_slow

  // Events that a thread of the bus published while the ring was full. The dispatcher puts them into the ring when there is room, in
  // its producer's place, who doesn't write the ring again until the counts are equal. Producer: `spilled` (release, after the
  // enqueue); dispatcher: `unspilled` (release, behind the ring's own stores).
  moodycamel::ConcurrentQueue<Slot> spill{64};
  moodycamel::ProducerToken spill_lane{spill};  ///< one, whichever thread the producer is on: the queue keeps order within a lane alone
  std::atomic<std::uint64_t> spilled{0}, unspilled{0};
  std::atomic<Sequence> spill_end{0};  ///< one past the number that the last spilled event will have: the producer's, release
  const void* spills_most = nullptr;   ///< whose handler has spilled more than half of it, if anybody's has; the producer's alone
  std::uint64_t spill_votes = 0;       ///< that it leads by; the producer's alone

  Counter waits, waited_ns, swallowed;  ///< the producer's
};

/// Rings whose producers left and that were read out by all, for the next producers.
class RingPool : public std::enable_shared_from_this<RingPool> {
 public:
  RingPool() { free_.reserve(most); }
  /// One of these, if there is one, or a new one: `make()`. It comes back here when the last who refers to it lets go.
  template <class Make, class Anew>
  std::shared_ptr<Ring> take(Make&& make, Anew&& begin_anew) {
    std::unique_ptr<Ring> ring;
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) ring = std::move(free_.back()), free_.pop_back();
    }
    if (ring != nullptr) begin_anew(*ring);
    else ring = make();
    return {ring.release(), [pool = shared_from_this()](Ring* back) { pool->give_back(std::unique_ptr<Ring>(back)); }};
  }

 private:
  static constexpr std::size_t most = 8;
  void give_back(std::unique_ptr<Ring> ring) noexcept {
    const std::lock_guard lock(mutex_);
    if (ring->read_out() && !ring->traced() && free_.size() < most) free_.push_back(std::move(ring));
  }
  std::mutex mutex_;
  std::vector<std::unique_ptr<Ring>> free_;
};

}  // namespace sidestep
