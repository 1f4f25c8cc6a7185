#include <sidestep/bus/dispatcher.hpp>
#include <sidestep/bus/events.hpp>
#include <sidestep/bus/hang_watch.hpp>
#include <sidestep/bus/pause.hpp>
#include <sidestep/bus/producer.hpp>
#include <sidestep/bus/running.hpp>
#include <sidestep/bus/test_point.hpp>

#include <algorithm>
#include <optional>
#include <thread>

namespace sidestep {
namespace {
thread_local int bus_scopes = 0;
constexpr Nanoseconds longest_slice = 100'000;

/// How many events may wait behind a full ring before whose handler has published the most of them is taken for one
/// that answers itself: its events cause more of them, for ever.
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
  if (ring_ != nullptr) ring_->leave();
  ring_.reset();
}

/// The slot for the next event. Null: nobody reads the ring any more.
Slot* Producer::wait_for_slot() noexcept {
  ring_->waits.add(1);
  const Nanoseconds begin = Clock::steady();
  // A dispatcher at work makes room within microseconds. A sleep is never longer than it needs for half a ring: else it
  // would run empty, and nap.
  for (int spins = 0; spins < 64; ++spins) {
    if (ring_->make_room()) break;
    for (int i = 0; i < 4; ++i) pause();
  }
  Nanoseconds slice = 1000;
  WaitClock waited;
  std::optional<HangWatch> watch;  // once it has lasted
  Slot* slot = nullptr;
  for (;;) {
    test_point(Point::ring_full, ring_.get());
    // Who gives the bus up himself has spilled his report of it: until that is back the dispatcher writes this ring,
    // and claim_slow() finds no slot.
    if (ring_->over() || (slot = ring_->claim_slow()) != nullptr) break;
    const auto bus = bus_.lock();
    if (bus == nullptr) break;
    bus->wake();
    std::this_thread::sleep_for(std::chrono::nanoseconds(slice));
    if (hook_.slice != nullptr) hook_.slice(hook_.self, waited.slice());
    if (watch)
      watch->look();
    else if (slice == longest_slice && bus->options().thread)
      watch.emplace(*bus);
    slice = std::min<Nanoseconds>(slice * 2, longest_slice);
  }
  ring_->waited_ns.add(static_cast<std::uint64_t>(Clock::steady() - begin));
  return slot;
}

/// False: it will never be handed over.
bool Producer::publish_slow(Nanoseconds stamp, EventId type, std::uint16_t size, const void* body) noexcept {
  if (Slot* const slot = ring_->claim_slow()) {
    write(*slot, ring_->id(), stamp, type, size, body);
    ring_->commit(*slot);
    return true;
  }
  // A thread of the bus neither waits nor spills then: what it spills would never go.
  if (swallows()) return false;
  if (const bool spills = ring_->spill.open(); spills || BusThread::current()) {
    Slot slot{};
    write(slot, ring_->id(), stamp, type, size, body);
    return spill(slot, !spills);
  }
  Slot* const slot = wait_for_slot();
  if (slot == nullptr) {
    ring_->swallowed.add(1);
    return false;
  }
  write(*slot, ring_->id(), stamp, type, size, body);
  ring_->commit(*slot);
  return true;
}

/// Behind the full ring. The dispatcher puts it there when there is room. False: whoever publishes it has been failed
/// for it.
bool Producer::spill(const Slot& slot, bool first) noexcept {
  Ring& ring = *ring_;
  RunningHandler* const by = RunningHandler::current();
  vote(ring, by != nullptr ? by->whose : nullptr, first);
  if (ring.spill.waiting() >= spill_limit(ring) && by != nullptr && by->whose != nullptr &&
      ring.spills_most == by->whose && slot.type != PipelineFailed::id) [[unlikely]] {
    by->whose->fail(
        "it publishes more than the bus can hand over: " + std::to_string(spill_limit(ring)) +
            " events wait behind its full ring. Does it listen, itself or by way of others, to what it publishes?",
        0);
    by->stop();
    ring.swallowed.add(1);
    return false;
  }
  ring.spill.push(slot, ring);
  return true;
}

void Ring::let_payloads_go() noexcept {
  if (detail::types_with_payload.load(std::memory_order_relaxed) == 0) return;
  for (unsigned which = 0; which < readers(); ++which)
    for (Sequence number = cursor(which); number < next(); ++number)
      if (const Slot* const slot = peek(number)) detail::drop_payload(*slot, 1);
  for (Slot slot; spill.take(slot);) detail::drop_payload(slot, readers());
}

}  // namespace sidestep
