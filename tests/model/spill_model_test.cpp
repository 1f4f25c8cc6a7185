// A producer that spills when its ring is full, the dispatcher that puts its events back, and a third thread that waits
// until it has left: the ring, its counts and the spill are the real ones; only the queue between the two is a
// stand-in, which orders nothing.
#include <sidestep/bus/ring.hpp>

#include <model/explorer.hpp>
#include <model/last_numbers.hpp>

#include <gtest/gtest.h>

#include <array>

namespace sidestep {
namespace {

using model::Atomics;
using model::Explorer;
using model::Program;
using model::Violation;

/// In order; what is in it is plain data.
class PlainQueue {
 public:
  void push(const Slot& event) {
    Explorer::current()->write_plain(&events_[pushed_]);
    events_[pushed_++] = event;
  }
  std::size_t pop(Slot* to, std::size_t most) {
    std::size_t count = 0;
    for (; count < most && popped_ < pushed_; ++count) {
      Explorer::current()->read_plain(&events_[popped_]);
      to[count] = events_[popped_++];
    }
    return count;
  }

 private:
  std::array<Slot, 4> events_{};
  std::size_t pushed_ = 0, popped_ = 0;
};

using SpillingRing = BasicProducerRing<Atomics, PlainQueue>;

enum class SpillFault { none, claims_while_it_spills, leaves_before_its_last, forgets_what_is_spilled };

/// As Producer::publish_slow does on a thread of the bus.
void publish_or_spill(Explorer& explorer, SpillingRing& ring, Nanoseconds event, SpillFault fault) {
  Slot* slot = ring.claim();
  if (slot == nullptr)
    slot = fault == SpillFault::claims_while_it_spills && ring.make_room() ? ring.claim() : ring.claim_slow();
  if (slot == nullptr) {
    Slot aside{};
    aside.stamp = event;
    ring.spill.push(aside, ring);
  } else {
    explorer.write_plain(&slot->stamp);
    slot->stamp = event;
    ring.commit(*slot);
  }
  explorer.check((fault == SpillFault::forgets_what_is_spilled ? ring.next() : ring.upcoming()) ==
                     ring.first() + static_cast<Sequence>(event),
                 "the next event's number isn't known");
}

/// As Producer::publish_slow does on a thread that waits for room, and whose reports of failures spill meanwhile.
void publish_or_wait(Explorer& explorer, SpillingRing& ring, Nanoseconds event, SpillFault fault) {
  Slot* slot = nullptr;
  explorer.until([&] {
    if (fault == SpillFault::claims_while_it_spills)
      slot = ring.make_room() ? ring.claim() : nullptr;
    else
      slot = ring.claim_slow();
    return slot != nullptr;
  });
  explorer.write_plain(&slot->stamp);
  slot->stamp = event;
  ring.commit(*slot);
}

enum class Last { spills, waits };

std::uint64_t explore_spill(Explorer::Options options, int events, SpillFault fault = SpillFault::none,
                            Sequence first = 1, Last last = Last::spills) {
  Explorer explorer(options);
  return explorer.run([&explorer, events, fault, first, last] {
    auto ring = std::make_shared<SpillingRing>(1, first);
    return std::vector<std::function<void()>>{
        [=, &explorer] {
          for (int event = 1; event <= events; ++event) {
            if (event == events && fault == SpillFault::leaves_before_its_last) ring->leave();
            if (event == events && last == Last::waits)
              publish_or_wait(explorer, *ring, event, fault);
            else
              publish_or_spill(explorer, *ring, event, last == Last::waits ? SpillFault::none : fault);
          }
          ring->leave();
        },
        [=, &explorer] {  // as Worker::pass
          for (int expected = 1; expected <= events;) {
            std::span<const Slot> slots;
            explorer.until([&] { return !(slots = ring->available(2)).empty() || !ring->spill.empty(); });
            for (const Slot& slot : slots) {
              explorer.read_plain(&slot.stamp);
              explorer.check(slot.stamp == expected++, "an event was lost, doubled or out of order");
            }
            ring->release(slots.size());
            if (!ring->spill.empty()) ring->spill.put_back<2>(*ring);
          }
        },
        [=, &explorer] {  // as Dispatcher::retire_rings
          explorer.until([&] { return ring->done(); });
          explorer.check(ring->upcoming() == first + static_cast<Sequence>(events),
                         "a ring was forgotten before all of it was published");
          const Slot* const slot = ring->peek(first + static_cast<Sequence>(events) - 1);
          explorer.check(slot != nullptr && ring->available(1).empty(), "a ring was forgotten before it was read out");
          explorer.write_plain(&slot->stamp);  // another's
        }};
  });
}

const Program spill_program([](const Explorer::Options& options) {
  Explorer::Options with_one_preemption = options;
  with_one_preemption.preemptions = 1;
  return explore_spill(with_one_preemption, 3);
});

TEST(SpillModel, SpilledEventsComeBackOnceInOrderBeforeTheNext) {
  const std::uint64_t executions = explore_spill({.preemptions = 1}, 3);
  RecordProperty("executions", std::to_string(executions));
  EXPECT_GT(executions, 1000u);
}
TEST(SpillModel, TheLastNumbersOfAllAreLikeTheFirst) {
  EXPECT_EQ(explore_spill({.preemptions = 1}, 2, SpillFault::none, greatest_number(1) - 1),
            explore_spill({.preemptions = 1}, 2));
}
TEST(SpillModel, AProducerThatWritesTheRingWhileItSpillsIsCaught) {
  EXPECT_THROW(explore_spill({.preemptions = 1}, 3, SpillFault::claims_while_it_spills), Violation);
}
TEST(SpillModel, WhoWaitsForRoomComesBehindWhatHeHasSpilledMeanwhile) {
  EXPECT_GT(explore_spill({.preemptions = 1}, 3, SpillFault::none, 1, Last::waits), 1000u);
  EXPECT_THROW(explore_spill({.preemptions = 1}, 3, SpillFault::claims_while_it_spills, 1, Last::waits), Violation);
}
TEST(SpillModel, AProducerThatLeavesBeforeItsLastEventIsCaught) {
  EXPECT_THROW(explore_spill({.preemptions = 2}, 2, SpillFault::leaves_before_its_last), Violation);
}
TEST(SpillModel, ANumberThatForgetsWhatIsSpilledIsCaught) {
  EXPECT_THROW(explore_spill({.preemptions = 2}, 2, SpillFault::forgets_what_is_spilled), Violation);
}
TEST(SpillModel, RelaxedStoresOrLoadsAreCaught) {
  EXPECT_THROW(explore_spill({.preemptions = 2, .weak_stores = true}, 2), Violation);
  EXPECT_THROW(explore_spill({.preemptions = 2, .weak_loads = true}, 2), Violation);
}

}  // namespace
}  // namespace sidestep
