#include <sidestep/bus/ring.hpp>

#include <model/explorer.hpp>

#include <gtest/gtest.h>

namespace sidestep {
namespace {

using model::Explorer;
using model::Violation;

/// One publisher, one reader, `events` events through a ring of two slots: wraps around and fills up.
std::uint64_t explore(Explorer::Options options, int events) {
  Explorer explorer(options);
  return explorer.run([&explorer, events] {
    auto ring = std::make_shared<BasicRing<model::Atomics>>(2);
    auto bodies = std::make_shared<std::map<const Slot*, int>>();  // what the payload holds
    return std::vector<std::function<void()>>{
        [=, &explorer] {
          for (int event = 1; event <= events; ++event) {
            Slot* slot = ring->claim();
            while (slot == nullptr) {
              if (ring->make_room()) slot = ring->claim();
              else explorer.wait();
            }
            explorer.write_plain(slot);
            (*bodies)[slot] = event;
            ring->commit(*slot);
          }
        },
        [=, &explorer] {
          for (int expected = 1; expected <= events;) {
            const std::span<const Slot> slots = ring->available(64);
            if (slots.empty()) {
              explorer.wait();
              continue;
            }
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

TEST(RingModel, EveryInterleavingDeliversEachEventOnceInOrder) {
  const std::uint64_t executions = explore({.preemptions = 2}, 3);
  RecordProperty("executions", std::to_string(executions));
  EXPECT_GT(executions, 1000u);
}

TEST(RingModel, ARelaxedStoreOfTheNumberOrTheCursorIsCaught) {
  EXPECT_THROW(explore({.preemptions = 2, .weak_stores = true}, 3), Violation);
}

TEST(RingModel, ARelaxedLoadOfTheNumberOrTheCursorIsCaught) {
  EXPECT_THROW(explore({.preemptions = 2, .weak_loads = true}, 3), Violation);
}

}  // namespace
}  // namespace sidestep
