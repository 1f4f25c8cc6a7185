// A streamed event whose line comes in two halves, in either order: each half is a thread of its own that writes its words and then its
// mark, the number or the check. Whoever takes the event has it whole. (That a half comes whole is the CPU's promise.)
#include <sidestep/bus/watched_ring.hpp>

#include <model/explorer.hpp>

#include <gtest/gtest.h>

namespace sidestep {
namespace {

using model::Atomics;
using model::Explorer;
using model::Violation;

constexpr std::size_t slots_of_split = 2, in_first_half = 3, in_second_half = 4;  // words of the body

struct SplitWorld {
  std::shared_ptr<Slot[]> slots{new Slot[slots_of_split]()};
  RingTraces traces{.reach = 1 + slots_of_split, .end = 0};
  BasicRing<Atomics> ring{slots_of_split, 1, StreamWithin::nothing, 0, RingMemory{.slots = slots, .traces = &traces}};

  std::uint64_t& word(std::size_t i) { return reinterpret_cast<std::uint64_t*>(&slots[1])[i]; }  // of event 1
};

/// `take`: how the event is looked for; says whether it is there, and gives the two words.
using Take = bool (*)(SplitWorld&, WatchedRing<Atomics>&, std::uint64_t& first, std::uint64_t& second);

bool as_dispatcher(SplitWorld& world, WatchedRing<Atomics>&, std::uint64_t& first, std::uint64_t& second) {
  if (world.ring.available(1).empty()) return false;
  first = Atomics::load(world.word(in_first_half), std::memory_order_relaxed);
  second = Atomics::load(world.word(in_second_half), std::memory_order_relaxed);
  return true;
}
bool as_watcher(SplitWorld&, WatchedRing<Atomics>& watched, std::uint64_t& first, std::uint64_t& second) {
  Slot event;
  if (watched.next(event) != WatchedRing<Atomics>::Look::event) return false;
  const auto words = std::bit_cast<std::array<std::uint64_t, 8>>(event);
  first = words[in_first_half], second = words[in_second_half];
  return true;
}

std::uint64_t explore_halves(const Explorer::Options& options, Take take) {
  Explorer explorer(options);
  return explorer.run([&explorer, take] {
    auto world = std::make_shared<SplitWorld>();
    return std::vector<std::function<void()>>{
        [=] {
          Atomics::store(world->word(in_first_half), std::uint64_t{10}, std::memory_order_relaxed);
          Atomics::store(world->slots[1].sequence, Sequence{1}, std::memory_order_release);  // pairs with the looks' acquire
        },
        [=] {
          Atomics::store(world->word(in_second_half), std::uint64_t{20}, std::memory_order_relaxed);
          Atomics::store(world->slots[1].check, check_of(1), std::memory_order_release);  // pairs with the looks' acquire
        },
        [=, &explorer] {
          WatchedRing<Atomics> watched(world->slots.get(), slots_of_split, 1, &world->traces, false);
          std::uint64_t first = 0, second = 0;
          explorer.until([&] { return take(*world, watched, first, second); });
          explorer.check(first == 10 && second == 20, "half an event was taken for a whole one");
        }};
  });
}

const model::Program halves_read_program([](const Explorer::Options& options) { return explore_halves(options, as_dispatcher); });
const model::Program halves_watched_program([](const Explorer::Options& options) { return explore_halves(options, as_watcher); });

TEST(HalvesModel, AnEventIsTakenWhenBothHalvesAreThere) { EXPECT_GT(explore_halves({.preemptions = 3}, as_dispatcher), 20u); }
TEST(HalvesModel, AWatcherTakesItWhenBothHalvesAreThere) { EXPECT_GT(explore_halves({.preemptions = 3}, as_watcher), 20u); }

TEST(HalvesModel, LooksThatOrderNothingAreCaught) {
  EXPECT_THROW(explore_halves({.preemptions = 2, .weak_loads = true}, as_dispatcher), Violation);
  EXPECT_THROW(explore_halves({.preemptions = 2, .weak_loads = true}, as_watcher), Violation);
}

}  // namespace
}  // namespace sidestep
