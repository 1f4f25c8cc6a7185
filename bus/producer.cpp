#include <sidestep/bus/dispatcher.hpp>
#include <sidestep/bus/pause.hpp>
#include <sidestep/bus/events.hpp>
#include <sidestep/bus/producer.hpp>
#include <sidestep/bus/running.hpp>
#include <sidestep/bus/test_point.hpp>

#include <algorithm>
#include <thread>

namespace sidestep {
namespace {
thread_local int bus_scopes = 0;
constexpr Nanoseconds longest_slice = 100'000;

/// How many events may wait behind a full ring before whose handler has published the most of them is taken for one that answers
/// itself: its events cause more of them, for ever.
std::uint64_t spill_limit(const Ring& ring) { return std::max<std::uint64_t>(4 * ring.capacity(), 65'536); }

/// The one who has spilled more than half of what waits, if there is one: Boyer and Moore's vote.
void vote(Ring& ring, const void* whose, bool first) noexcept {
  if (first) ring.spill_votes = 0;
  if (ring.spill_votes == 0) ring.spills_most = whose;
  ring.spill_votes += ring.spills_most == whose ? 1 : std::uint64_t(-1);
}

}  // namespace

BusThread::BusThread() noexcept { ++bus_scopes; }
BusThread::~BusThread() { --bus_scopes; }
bool BusThread::current() noexcept { return bus_scopes > 0; }

Producer::Producer(std::shared_ptr<Ring> ring, std::weak_ptr<Dispatcher> bus, const Clock& clock)
    : ring_(std::move(ring)), bus_(std::move(bus)), clock_(clock) {}

Producer& Producer::operator=(Producer&& other) noexcept {
  if (this != &other) {
    leave();
    ring_ = std::move(other.ring_);
    bus_ = std::move(other.bus_);
    clock_ = other.clock_;
    hook_ = other.hook_;
  }
  return *this;
}

void Producer::leave() noexcept {
  // release: pairs with the acquire in Dispatcher::retire_rings; all that was published is in the ring by then
  if (ring_ != nullptr) {
    hold(false);
    ring_->left.store(true, std::memory_order_release);
  }
  ring_.reset();
}

template <class GivenUp>
bool Producer::wait_for_room(GivenUp given_up) noexcept {
  ring_->waits.add(1);
  const Nanoseconds begin = Clock::steady();
  // A dispatcher at work makes room within microseconds. A sleep is never longer than it needs for half a ring: else it would run
  // empty, and nap.
  for (int spins = 0; spins < 64; ++spins) {
    if (ring_->make_room()) break;
    for (int i = 0; i < 4; ++i) pause();
  }
  Nanoseconds slice = 1000;
  bool room = false;
  for (;;) {
    test_point(Point::ring_full, ring_.get());
    if ((room = ring_->make_room()) || given_up()) break;
    if (const auto bus = bus_.lock()) bus->wake();
    else break;
    std::this_thread::sleep_for(std::chrono::nanoseconds(slice));
    if (hook_.slice != nullptr) hook_.slice(hook_.self, slice);
    slice = std::min<Nanoseconds>(slice * 2, longest_slice);
  }
  ring_->waited_ns.add(static_cast<std::uint64_t>(Clock::steady() - begin));
  return room;
}

bool Producer::spilling() const noexcept {
  // acquire: pairs with the dispatcher's release; equal counts mean that the order can't be broken by using the ring again
  return ring_->spilled.load(std::memory_order_relaxed) != ring_->unspilled.load(std::memory_order_acquire);
}

Slot* Producer::claim_slow() noexcept { return !spilling() && ring_->make_room() ? ring_->claim() : nullptr; }

void Producer::publish_slow(Nanoseconds stamp, EventId type, std::uint16_t size, const void* body) noexcept {
  const bool spills = spilling();
  if (!spills && ring_->make_room()) {
    Slot& slot = *ring_->claim();
    write(slot, ring_->id(), stamp, type, size, body);
    ring_->commit(slot);
    return;
  }
  // acquire: pairs with the last store of close() and with abandon(); a hung handler may still read its slots, so none is reused
  const auto given_up = [&] {
    return ring_->closed.load(std::memory_order_acquire) || ring_->abandoned.load(std::memory_order_acquire);
  };
  // Nobody reads it any more. A thread of the bus neither waits nor spills then: what it spills would never go.
  if (given_up()) {
    ring_->swallowed.add(1);
    return;
  }
  if (spills || BusThread::current()) {
    Slot slot{};
    write(slot, ring_->id(), stamp, type, size, body);
    return spill(slot, !spills);
  }
  if (!wait_for_room(given_up)) {
    ring_->swallowed.add(1);
    return;
  }
  Slot& slot = *ring_->claim();
  write(slot, ring_->id(), stamp, type, size, body);
  ring_->commit(slot);
}

/// Behind the full ring. The dispatcher puts it there when there is room.
void Producer::spill(const Slot& slot, bool first) noexcept {
  Ring& ring = *ring_;
  RunningHandler* const by = RunningHandler::current();
  const std::uint64_t before = ring.spilled.load(std::memory_order_relaxed);  // only this thread stores it
  vote(ring, by != nullptr ? by->whose : nullptr, first);
  // relaxed: a late view makes it seem a few more
  if (before - ring.unspilled.load(std::memory_order_relaxed) >= spill_limit(ring) && by != nullptr && by->whose != nullptr &&
      ring.spills_most == by->whose && slot.type != PipelineFailed::id) [[unlikely]] {
    by->whose->fail("it publishes more than the bus can hand over: " + std::to_string(spill_limit(ring)) +
                        " events wait behind its full ring. Does it listen, itself or by way of others, to what it publishes?",
                    0);
    by->stop();
    ring.swallowed.add(1);
    return;
  }
  const Sequence end = (first ? ring.next() : ring.spill_end.load(std::memory_order_relaxed)) + 1;
  ring.spill.enqueue(ring.spill_lane, slot);
  ring.spill_end.store(end, std::memory_order_release);  // pairs with upcoming()
  // release: pairs with the dispatcher's acquire; the slot is in the queue by then
  ring.spilled.store(before + 1, std::memory_order_release);
}

}  // namespace sidestep
