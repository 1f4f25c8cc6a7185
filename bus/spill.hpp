#pragma once

#include <sidestep/bus/atomics.hpp>
#include <sidestep/bus/slot.hpp>

#include <concurrentqueue/concurrentqueue.h>

#include <algorithm>
#include <array>

namespace sidestep {

/// Where spilled events wait: in order, one thread at each end. BasicSpill counts what is in it.
class SpillQueue {
 public:
  void push(const Slot& event) { queue_.enqueue(lane_, event); }
  std::size_t pop(Slot* to, std::size_t most) { return queue_.try_dequeue_bulk(to, most); }

 private:
  moodycamel::ConcurrentQueue<Slot> queue_{64};
  // one, whichever thread the producer is on: the queue keeps order within a lane alone
  moodycamel::ProducerToken lane_{queue_};
};

/// Events that a thread of the bus published while its ring was full. The dispatcher puts them into the ring when there
/// is room, in its producer's place, who doesn't write the ring again until all are back: until the two counts are
/// equal.
template <class Atomics = StdAtomics, class Queue = SpillQueue>
class BasicSpill {
 public:
  // ---- the producer's side

  /// What he publishes now must go behind what he has spilled.
  bool open() const noexcept {
    // relaxed: only this thread stores it. Acquire: pairs with put_back(); he writes the ring where it left off
    return spilled_.load(std::memory_order_relaxed) != unspilled_.load(std::memory_order_acquire);
  }
  /// How many wait, or a few less.
  std::uint64_t waiting() const noexcept {
    return spilled_.load(std::memory_order_relaxed) - unspilled_.load(std::memory_order_relaxed);  // relaxed: see above
  }
  template <class Ring>
  void push(const Slot& event, const Ring& ring) {
    const std::uint64_t before = spilled_.load(std::memory_order_relaxed);  // only this thread stores it
    const Sequence end = (open() ? end_.load(std::memory_order_relaxed) : ring.next()) + 1;
    queue_.push(event);
    end_.store(end, std::memory_order_relaxed);  // relaxed: as BasicRing::next
    // release: pairs with the acquire in put_back(); the event is in the queue by then, and what the ring holds is
    // counted
    spilled_.store(before + 1, std::memory_order_release);
  }

  // ---- the side of the dispatcher that does this

  /// Events come back to the ring, at most `most`. How many did; 0: it has no room, or none are left.
  template <std::size_t most, class Ring>
  std::size_t put_back(Ring& ring) noexcept {
    const std::uint64_t spilled = spilled_.load(std::memory_order_acquire);  // pairs with push()
    const std::uint64_t done = unspilled_.load(std::memory_order_relaxed);   // only this thread stores it
    const std::uint64_t room = ring.cursor() + ring.capacity() - ring.next();
    std::array<Slot, most> events;
    const std::size_t count = queue_.pop(events.data(), std::min({spilled - done, room, std::uint64_t{most}}));
    for (std::size_t i = 0; i < count; ++i) ring.append(events[i]);
    // release: pairs with the acquire of the producer, who writes behind these
    unspilled_.store(done + count, std::memory_order_release);
    return count;
  }

  // ---- anybody

  /// All that was spilled has come back to the ring.
  bool empty() const noexcept {
    // relaxed: who was told that something was spilled, by any means that orders, sees it counted. Acquire: pairs with
    // put_back(); the ring's numbers count what has come back
    const std::uint64_t spilled = spilled_.load(std::memory_order_relaxed);
    return spilled == unspilled_.load(std::memory_order_acquire);
  }
  /// One past the number that the last spilled event has or will have.
  Sequence end() const noexcept { return end_.load(std::memory_order_relaxed); }  // relaxed: as BasicRing::next
  std::uint64_t spilled() const noexcept { return spilled_.load(std::memory_order_relaxed); }

  // ---- who has it to himself

  void begin_anew() noexcept { end_.store(0, std::memory_order_relaxed); }  // the counts are equal
  bool take(Slot& event) noexcept { return queue_.pop(&event, 1) == 1; }

 private:
  template <class T>
  using Atomic = typename Atomics::template Atomic<T>;

  Queue queue_;
  Atomic<std::uint64_t> spilled_{0};    // the producer's
  Atomic<std::uint64_t> unspilled_{0};  // the dispatcher's
  Atomic<Sequence> end_{0};             // the producer's
};

}  // namespace sidestep
