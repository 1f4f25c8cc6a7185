#include <sidestep/bus/ring.hpp>

#include <model/explorer.hpp>
#include <model/last_numbers.hpp>

#include <gtest/gtest.h>

namespace sidestep {
namespace {

using model::Explorer;
using model::Violation;

/// One publisher, one reader, `events` events through a ring of two slots, from number `first` on: wraps around and
/// fills up.
std::uint64_t explore(Explorer::Options options, int events, Sequence first = 1) {
  Explorer explorer(options);
  return explorer.run([&explorer, events, first] {
    auto ring = std::make_shared<BasicRing<model::Atomics>>(2, first);
    auto bodies = std::make_shared<std::map<const Slot*, int>>();  // what the payload holds
    return std::vector<std::function<void()>>{
        [=, &explorer] {
          for (int event = 1; event <= events; ++event) {
            explorer.until([&] { return ring->claim() != nullptr || ring->make_room(); });
            Slot* const slot = ring->claim();
            explorer.write_plain(slot);
            (*bodies)[slot] = event;
            ring->commit(*slot);
          }
        },
        [=, &explorer] {
          for (int expected = 1; expected <= events;) {
            std::span<const Slot> slots;
            explorer.until([&] { return !(slots = ring->available(64)).empty(); });
            for (const Slot& slot : slots) {
              explorer.read_plain(&slot);
              explorer.check((*bodies)[&slot] == expected, "an event was lost, doubled or out of order");
              ++expected;
            }
            ring->release(slots.size());
          }
        }};
  });
}

const model::Program ring_program([](const Explorer::Options& options) { return explore(options, 3); });

/// One publisher and two readers, each of whom reads all: a slot is written again when both have passed it.
std::uint64_t explore_two_readers(Explorer::Options options, int events, Sequence first = 1) {
  Explorer explorer(options);
  return explorer.run([&explorer, events, first] {
    struct World {
      explicit World(Sequence first) : ring(1, first, StreamWithin::nothing, 0, {}, 2) {}
      BasicRing<model::Atomics> ring;
      int body = 0;  // of the only slot
    };
    auto world = std::make_shared<World>(first);
    const auto read = [=, &explorer](unsigned which) {
      for (int expected = 1; expected <= events; ++expected) {
        explorer.until([&] { return !world->ring.available(64, which).empty(); });
        explorer.read_plain(&world->body);
        explorer.check(world->body == expected, "an event was lost, doubled or overwritten before it was read");
        world->ring.release(1, which);
      }
    };
    return std::vector<std::function<void()>>{
        [=, &explorer] {
          for (int event = 1; event <= events; ++event) {
            explorer.until([&] { return world->ring.claim() != nullptr || world->ring.make_room(); });
            explorer.write_plain(&world->body);
            world->body = event;
            world->ring.commit(*world->ring.claim());
          }
          explorer.until([&] { return world->ring.caught_up(); });
          explorer.write_plain(&world->body);  // all have read all: its memory may be let go
        },
        [=] { read(0); }, [=] { read(1); }};
  });
}

/// A reader that looks ahead of what it has taken, as a pipeline with a policy does: the second event, while it has the
/// first.
std::uint64_t explore_peek(Explorer::Options options, Sequence first = 1) {
  Explorer explorer(options);
  return explorer.run([&explorer, first] {
    auto ring = std::make_shared<BasicRing<model::Atomics>>(2, first);
    return std::vector<std::function<void()>>{
        [=, &explorer] {
          for (int event = 1; event <= 3; ++event) {
            explorer.until([&] { return ring->claim() != nullptr || ring->make_room(); });
            Slot* const slot = ring->claim();
            explorer.write_plain(slot);
            ring->commit(*slot);
          }
        },
        [=, &explorer] {
          explorer.until([&] { return !ring->available(1).empty(); });
          for (Sequence ahead = 1; ahead <= 2; ++ahead) {
            const Slot* const slot = ring->peek(first + ahead);
            if (slot == nullptr) break;
            explorer.check(ahead == 1, "an event was written over one that is still read");
            explorer.read_plain(slot);
          }
          ring->release(1);
        }};
  });
}

const model::Program peek_program([](const Explorer::Options& options) { return explore_peek(options); });

TEST(RingModel, WhatAReaderLooksAheadAtIsWholeAndStays) { EXPECT_GT(explore_peek({.preemptions = 3}), 100u); }

const model::Program two_readers_program([](const Explorer::Options& options) {
  Explorer::Options with_one_preemption = options;
  with_one_preemption.preemptions = 1;
  return explore_two_readers(with_one_preemption, 2);
});

TEST(RingModel, ASlotIsWrittenAgainWhenEachOfItsReadersHasPassedIt) {
  const std::uint64_t executions = explore_two_readers({.preemptions = 1}, 2);
  RecordProperty("executions", std::to_string(executions));
  EXPECT_GT(executions, 1000u);
}

TEST(RingModel, EveryInterleavingDeliversEachEventOnceInOrder) {
  const std::uint64_t executions = explore({.preemptions = 4}, 3);
  RecordProperty("executions", std::to_string(executions));
  EXPECT_GT(executions, 1000u);
}

/// The last numbers that a ring of this capacity can have.
Sequence last_numbers(std::size_t capacity, int events) {
  return greatest_number(capacity) + 1 - static_cast<Sequence>(events);
}
/// The first number whose event lies where this one's does, in a ring of two slots.
Sequence first_like(Sequence number) { return number % 2 == 0 ? 2 : 1; }

TEST(RingModel, TheLastNumbersOfAllAreLikeTheFirst) {
  const Sequence last_three = last_numbers(2, 3);
  EXPECT_EQ(explore({.preemptions = 3}, 3, last_three), explore({.preemptions = 3}, 3, first_like(last_three)));
  EXPECT_EQ(explore_peek({.preemptions = 3}, last_three), explore_peek({.preemptions = 3}, first_like(last_three)));
  EXPECT_EQ(explore_two_readers({.preemptions = 1}, 2, last_numbers(1, 2)), explore_two_readers({.preemptions = 1}, 2));
}

TEST(RingModel, NumbersBehindAPowerOfTwoAreLikeTheFirst) {
  for (const unsigned bits : {8u, 32u, 48u, 63u})
    EXPECT_EQ(explore({.preemptions = 3}, 3, (Sequence{1} << bits) - 1), explore({.preemptions = 3}, 3))
        << "2^" << bits;
}

TEST(RingModel, BehindTheLastNumberARingIsFullForGood) {
  // a deadlock; nothing is overwritten
  EXPECT_THROW(explore({.preemptions = 1}, 3, last_numbers(2, 3) + 2), Violation);
}

/// A check has seven bits, so it comes back; not with the next lap, though, wherever the numbers begin.
TEST(RingModel, WhereverTheCheckWrapsEachEventComesOnceInOrder) {
  int wraps = 0;
  for (Sequence first = 1; first <= 128; ++first) {
    wraps += check_of(first + 2) < check_of(first) ? 1 : 0;
    EXPECT_EQ(explore({.preemptions = 1}, 3, first), explore({.preemptions = 1}, 3, first_like(first))) << first;
  }
  EXPECT_GT(wraps, 50);
}

TEST(RingModel, ARelaxedStoreOfTheNumberOrTheCursorIsCaught) {
  EXPECT_THROW(explore({.preemptions = 2, .weak_stores = true}, 3), Violation);
}

TEST(RingModel, ARelaxedLoadOfTheNumberOrTheCursorIsCaught) {
  EXPECT_THROW(explore({.preemptions = 2, .weak_loads = true}, 3), Violation);
}

}  // namespace
}  // namespace sidestep
