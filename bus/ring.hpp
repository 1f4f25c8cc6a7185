#pragma once

#include <sidestep/bus/atomics.hpp>
#include <sidestep/bus/ring_memory.hpp>
#include <sidestep/bus/spill.hpp>
#include <sidestep/bus/stores.hpp>
#include <sidestep/bus/subscription.hpp>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidestep {

/// Of a bus' rings.
inline constexpr Sequence greatest_first_number = Sequence{1} << 63;

/// One writer, one reader (the dispatcher) or some, each with a cursor of its own. The number lies in the slot, so
/// handing an event over moves one cache line, and nothing else is shared: the writer looks at the readers' cursors
/// only when its ring seems full, a reader never at the writer. Events may also be streamed into their slots
/// (stores.hpp); then a number may be counted in next() a little before its slot shows it, so whoever asks whether all
/// is read compares cursor() with next(), and doesn't look at the slots. Invariant: slot (n & mask) holds event n from
/// its release store until every cursor has passed n and n + capacity is written. Numbers don't wrap: they are compared
/// by size, and a limit or a reach beyond the last of them would look like the first, and the last itself like memory
/// that was taken away (WatchedRing::taken_away). So a ring is one up to 2^64 - 2 - capacity; soon behind it, it is
/// full for good. From greatest_first_number on that is another 2^63 events, 292 years at 10^9 a second.
template <class Atomics = StdAtomics>
class BasicRing {
 public:
  explicit BasicRing(std::size_t capacity, Sequence first = 1, StreamWithin within = StreamWithin::nothing,
                     std::uint32_t id = 0, RingMemory memory = {}, unsigned readers = 1)
      : slots_(memory.slots != nullptr ? std::move(memory.slots) : std::shared_ptr<Slot[]>(new Slot[capacity]())),
        traces_(memory.traces),
        more_(readers > 1 ? std::make_unique<Reader[]>(readers - 1) : nullptr),
        readers_(readers),
        first_(first),
        writer_{slots_.get(), capacity - 1, first, first + capacity, id, within, 0},
        reader_{slots_.get(), capacity - 1, first} {
    for (unsigned i = 1; i < readers; ++i) more_[i - 1] = reader_;
  }
  BasicRing(const BasicRing&) = delete;
  BasicRing& operator=(const BasicRing&) = delete;

  /// Another producer's ring from now on. Nobody else may refer to it, or read along.
  void begin_anew(Sequence first, StreamWithin within, std::uint32_t id) noexcept {
    // A number that is left over from before must never look like one that is awaited.
    const Sequence written = std::min<Sequence>(writer_.next - first_, capacity());
    for (Sequence i = 0; i < written; ++i)
      slots_[static_cast<std::ptrdiff_t>((first_ + i) & writer_.mask)].sequence = 0;
    first_ = writer_.next = reader_.cursor = first;
    writer_.limit = first + capacity();
    writer_.id = id;
    writer_.within = within;
    writer_.stamp = 0;
    for (unsigned i = 1; i < readers_; ++i) more_[i - 1].cursor = first;
  }
  /// Somebody may read along with it.
  bool traced() const noexcept { return traces_ != nullptr; }

  std::size_t capacity() const noexcept { return reader_.mask + 1; }
  unsigned readers() const noexcept { return readers_; }
  /// No other ring of its bus has the same.
  std::uint32_t id() const noexcept { return writer_.id; }

  // ---- the writer's side

  /// The slot for the next event, or null when the ring is full as far as the writer knows.
  Slot* claim() noexcept {
    const Sequence next = Atomics::load(writer_.next, std::memory_order_relaxed);  // only this thread stores it
    return next < writer_.limit ? &writer_.slots[next & writer_.mask] : nullptr;
  }
  /// Hands the claimed slot over. Returns its number.
  Sequence commit(Slot& slot) noexcept {
    const Sequence number = Atomics::load(writer_.next, std::memory_order_relaxed);
    Atomics::store(slot.check, check_of(number), std::memory_order_relaxed);  // ordered by the next one
    // release: pairs with the acquire in is_there(); a reader that sees this number sees the whole slot
    Atomics::store(slot.sequence, number, std::memory_order_release);
    count(number);
    return number;
  }
#ifdef SIDESTEP_STREAMING_STORES
  bool may_stream() const noexcept { return writer_.within != StreamWithin::nothing; }
  /// Whether an event of this moment that refers to nothing else is streamed: behind a pause it is not. Notes the
  /// moment.
  bool streams(Nanoseconds stamp) noexcept {
    if (!may_stream()) return false;
    const auto since =
        static_cast<std::uint64_t>(stamp) - static_cast<std::uint64_t>(std::exchange(writer_.stamp, stamp));
    return since <= static_cast<std::uint64_t>(writer_.within);
  }
  /// Writes the claimed slot past the caches and hands it over.
  void commit_streaming(Slot& slot, Nanoseconds stamp, EventId type, std::uint8_t size, const Words& body) noexcept {
    const Sequence number = Atomics::load(writer_.next, std::memory_order_relaxed);
    stream_slot(slot, number, stamp, body, slot_header(type, size, check_of(number), writer_.id));
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
      // relaxed, and then a release fence: pairs with the acquire fence in WatchedRing::next(); whoever copied a word
      // of an event that is written from now on sees this reach
      Atomics::store(traces_->reach, writer_.limit, std::memory_order_relaxed);
      Atomics::fence(std::memory_order_release);
    }
    return next < writer_.limit;
  }

  /// Writes a whole event on the writer's behalf, who doesn't publish here meanwhile. False: the ring is full.
  bool append(const Slot& event) noexcept {
    // relaxed: whoever took the writer's place knows what he has stored; his `limit` is left alone, so he finds no room
    // of his own
    const Sequence number = Atomics::load(writer_.next, std::memory_order_relaxed);
    if (number >= cursor() + capacity()) return false;
    if (traces_ != nullptr) {  // as in make_room()
      Atomics::store(traces_->reach, std::max(Atomics::load(traces_->reach, std::memory_order_relaxed), number + 1),
                     std::memory_order_relaxed);
      Atomics::fence(std::memory_order_release);
    }
    Slot& slot = writer_.slots[number & writer_.mask];
    constexpr std::size_t behind_the_number = sizeof(Slot) / sizeof(std::uint64_t) - 1;
    Atomics::copy(reinterpret_cast<std::uint64_t*>(&slot) + 1, reinterpret_cast<const std::uint64_t*>(&event) + 1,
                  behind_the_number);
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
    while (count < end && is_there(reader.slots[first + count], from + count)) ++count;
    return {&reader.slots[first], count};
  }
  /// The event with this number, which the reader has not released; null: it isn't there yet.
  const Slot* peek(Sequence number) const noexcept {
    const Slot& slot = reader_.slots[number & reader_.mask];
    return is_there(slot, number) ? &slot : nullptr;
  }
  /// The reader is done with `count` more events.
  void release(std::size_t count, unsigned which = 0) noexcept {
    Reader& reader = of(which);
    const Sequence done = Atomics::load(reader.cursor, std::memory_order_relaxed) + count;  // relaxed: its own
    // release: pairs with the acquire in cursor()
    Atomics::store(reader.cursor, done, std::memory_order_release);
  }

  /// Nothing will be written any more: tells those who read along where it ended.
  void tell_end() noexcept {
    // relaxed: a number that a watcher compares with what it has come to; it believes the slots alone
    if (traces_ != nullptr) Atomics::store(traces_->end, next(), std::memory_order_relaxed);
  }

  // ---- anybody

  /// The number that the next event will have. Relaxed: whoever was told that something was published, by any means
  /// that orders, reads a number that counts it; what its publisher wrote before is seen by way of its slot, or of a
  /// cursor that has passed it.
  Sequence next() const noexcept { return Atomics::load(writer_.next, std::memory_order_relaxed); }
  Sequence first() const noexcept { return first_; }  ///< the number of its first event
  /// The first number that not every reader is done with.
  Sequence cursor() const noexcept {
    // acquire, all of them: pairs with release(); the readers are done with every slot before the cursor
    Sequence least = Atomics::load(reader_.cursor, std::memory_order_acquire);
    for (unsigned i = 1; i < readers_; ++i)
      least = std::min(least, Atomics::load(more_[i - 1].cursor, std::memory_order_acquire));
    return least;
  }
  /// The first number that this one isn't done with. Its own thread's.
  Sequence cursor(unsigned which) const noexcept { return Atomics::load(of(which).cursor, std::memory_order_relaxed); }
  /// The readers are done with all that was published until now.
  bool caught_up() const noexcept { return cursor() >= next(); }

 private:
  static bool is_there(const Slot& slot, Sequence number) noexcept {
    // acquire: pairs with the release in commit(), and with one half each of a line that was streamed, whose halves may
    // come one by one: what is read from now on was written with the number or with the check
    return Atomics::load(slot.sequence, std::memory_order_acquire) == number &&
           Atomics::load(slot.check, std::memory_order_acquire) == check_of(number);
  }
  // relaxed: see next()
  void count(Sequence number) noexcept { Atomics::store(writer_.next, number + 1, std::memory_order_relaxed); }

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
  // Each side finds all that it needs in one line, what never changes too: a training step leaves nothing in a core's
  // caches, and a publish behind it waits for each line that it reads.
  struct alignas(no_sharing) {
    Slot* slots;
    std::size_t mask;
    Sequence next, limit;  // limit: the writer's alone
    std::uint32_t id;
    StreamWithin within;
    Nanoseconds stamp;  // of the last event that could be streamed
  } writer_;
  Reader reader_;
};

/// A ring, and what its producer and the bus tell each other beside its events.
template <class Atomics = StdAtomics, class Queue = SpillQueue>
class BasicProducerRing : public BasicRing<Atomics> {
 public:
  using BasicRing<Atomics>::BasicRing;

  void begin_anew(Sequence first, StreamWithin within, std::uint32_t id) noexcept {
    BasicRing<Atomics>::begin_anew(first, within, id);
    spill.begin_anew();
    // nobody looks yet
    for (auto* const flag : {&left_, &held_, &over_}) flag->store(false, std::memory_order_relaxed);
  }

  // ---- the producer's side

  /// As claim(), with a look whether there is room by now.
  Slot* claim_slow() noexcept { return !spill.open() && this->make_room() ? this->claim() : nullptr; }
  /// Close waits until its producer has come to its own end.
  void hold(bool held) noexcept {
    // release: pairs with the acquire in held(); all that was published is counted by then
    held_.store(held, std::memory_order_release);
  }
  /// Its producer is gone.
  void leave() noexcept {
    hold(false);
    left_.store(true, std::memory_order_release);  // pairs with left(), as above
  }
  /// Nobody reads it any more: a full ring swallows instead of waiting.
  // relaxed: nothing is read behind it; seen late, who waits waits on
  bool over() const noexcept { return over_.load(std::memory_order_relaxed); }

  // ---- the bus

  bool held() const noexcept { return held_.load(std::memory_order_acquire); }  // pairs with hold()
  void end() noexcept { over_.store(true, std::memory_order_relaxed); }         // see over()
  /// The number of the next event to be published here, what is spilled being counted too. One that is published by a
  /// thread which was told of this call's result has this number or a greater one.
  Sequence upcoming() const noexcept { return std::max(this->next(), spill.end()); }
  /// All that was published is read by all.
  bool read_out() const noexcept { return spill.empty() && this->caught_up(); }
  /// Its producer is gone: nothing more will be published.
  bool left() const noexcept { return left_.load(std::memory_order_acquire); }  // acquire: pairs with leave()
  bool done() const noexcept { return left() && read_out(); }

 private:
  template <class T>
  using Atomic = typename Atomics::template Atomic<T>;
  alignas(no_sharing) Atomic<bool> left_{false};  // aligned: not in what is left of the cursor's line
  Atomic<bool> held_{false}, over_{false};

 public:
  BasicSpill<Atomics, Queue> spill;
};

/// A producer's ring and what belongs to it. Rings are used again: see RingPool.
struct Ring : BasicProducerRing<> {
  Ring(std::size_t capacity, Sequence first, std::uint32_t id, Stream stream, std::string name, StreamWithin within,
       RingMemory memory = {}, unsigned readers = 1)
      : BasicProducerRing(capacity, first, within, id, std::move(memory), readers),
        stream(stream),
        name(std::move(name)) {}
  ~Ring() {
    tell_end();
    let_payloads_go();
  }

  /// As if it had just been made. Nobody else may refer to it.
  void begin_anew(Sequence first, std::uint32_t id, Stream whose, std::string_view called, StreamWithin within) {
    name = called;
    stream = whose;
    BasicProducerRing::begin_anew(first, within, id);
    for (Counter* const counter : {&waits, &waited_ns, &swallowed}) counter->clear();
    at_close_.reset();
  }
  /// Nothing is read here any more. What is there from `behind` on, and what comes, is after_close(), and none of
  /// events(). The bus', under its lock, as those two.
  void close(Sequence behind) noexcept {
    if (!at_close_) at_close_ = {behind, swallowed.get()};  // a bus may be given up by several who wait
    end();
  }
  std::uint64_t events() const noexcept { return (at_close_ ? at_close_->behind : upcoming()) - first(); }
  std::uint64_t after_close() const noexcept {
    return at_close_ ? upcoming() - at_close_->behind + (swallowed.get() - at_close_->swallowed) : 0;
  }
  /// What nobody will read any more keeps no payload. Nobody else may refer to it.
  void let_payloads_go() noexcept;

  Stream stream;  ///< trainer or others
  std::string name;

  /// Whose handler has spilled more than half of it, if anybody's has; the producer's alone.
  const void* spills_most = nullptr;
  std::uint64_t spill_votes = 0;  ///< that it leads by; the producer's alone

  Counter waits, waited_ns, swallowed;  ///< the producer's

 private:
  struct AtClose {
    Sequence behind;
    std::uint64_t swallowed;
  };
  std::optional<AtClose> at_close_;
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
    if (ring != nullptr)
      begin_anew(*ring);
    else
      ring = make();
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
