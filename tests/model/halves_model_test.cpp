// A streamed event whose line comes in two halves, in either order: each half is a thread of its own that writes its
// words and then its mark, the number or the check. Whoever takes the event has it whole. (That a half comes whole is
// the CPU's promise.)
#include <sidestep/bus/watched_ring.hpp>

#include <model/explorer.hpp>
#include <model/last_numbers.hpp>

#include <gtest/gtest.h>

namespace sidestep {
namespace {

using model::Atomics;
using model::Explorer;
using model::Violation;

constexpr std::size_t slots_of_split = 2, in_first_half = 3, in_second_half = 4;  // words of the body

/// The next event's number is `number`; where it will lie is the one of a lap before, or nothing yet.
struct SplitWorld {
  SplitWorld(Sequence number, bool first_lap)
      : number(number),
        traces{.reach = number + slots_of_split, .end = 0},
        ring(slots_of_split, number, StreamWithin::nothing, 0, RingMemory{.slots = slots, .traces = &traces}) {
    if (first_lap) return;
    slot().sequence = number - slots_of_split;
    slot().check = check_of(slot().sequence);
    word(in_first_half) = 1, word(in_second_half) = 2;
  }
  const Sequence number;
  std::shared_ptr<Slot[]> slots{new Slot[slots_of_split]()};
  RingTraces traces;
  BasicRing<Atomics> ring;

  Slot& slot() { return slots[static_cast<std::ptrdiff_t>(number % slots_of_split)]; }
  std::uint64_t& word(std::size_t i) { return reinterpret_cast<std::uint64_t*>(&slot())[i]; }
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

std::uint64_t explore_halves(const Explorer::Options& options, Take take, Sequence number = 1, bool first_lap = true) {
  Explorer explorer(options);
  return explorer.run([&explorer, take, number, first_lap] {
    auto world = std::make_shared<SplitWorld>(number, first_lap);
    return std::vector<std::function<void()>>{
        [=] {
          Atomics::store(world->word(in_first_half), std::uint64_t{10}, std::memory_order_relaxed);
          // pairs with the looks' acquire
          Atomics::store(world->slot().sequence, world->number, std::memory_order_release);
        },
        [=] {
          Atomics::store(world->word(in_second_half), std::uint64_t{20}, std::memory_order_relaxed);
          // pairs with the looks' acquire
          Atomics::store(world->slot().check, check_of(world->number), std::memory_order_release);
        },
        [=, &explorer] {
          WatchedRing<Atomics> watched(world->slots.get(), slots_of_split, world->number, &world->traces, false);
          std::uint64_t first = 0, second = 0;
          explorer.until([&] { return take(*world, watched, first, second); });
          explorer.check(first == 10 && second == 20, "half an event was taken for a whole one");
        }};
  });
}

const model::Program halves_read_program([](const Explorer::Options& options) {
  return explore_halves(options, as_dispatcher);
});
const model::Program halves_watched_program([](const Explorer::Options& options) {
  return explore_halves(options, as_watcher);
});

TEST(HalvesModel, AnEventIsTakenWhenBothHalvesAreThere) {
  EXPECT_GT(explore_halves({.preemptions = 3}, as_dispatcher), 20u);
}
TEST(HalvesModel, AWatcherTakesItWhenBothHalvesAreThere) {
  EXPECT_GT(explore_halves({.preemptions = 3}, as_watcher), 20u);
}

/// Then the number of the one half lies beside the check of the event of a lap before, which is another wherever the
/// check wraps.
TEST(HalvesModel, OverTheEventOfALapBeforeTooWhereverTheCheckWraps) {
  int wraps = 0;
  const auto both = [&](Sequence number) {
    SCOPED_TRACE(number);
    wraps += check_of(number) < check_of(number - slots_of_split) ? 1 : 0;
    EXPECT_NO_THROW(EXPECT_GT(explore_halves({.preemptions = 2}, as_dispatcher, number, false), 20u));
    EXPECT_NO_THROW(EXPECT_GT(explore_halves({.preemptions = 2}, as_watcher, number, false), 20u));
  };
  for (Sequence number = slots_of_split + 1; number <= slots_of_split + 128; ++number) both(number);
  EXPECT_GT(wraps, 50);
  for (const unsigned bits : {32u, 63u})
    for (Sequence number = (Sequence{1} << bits) - 2; number != (Sequence{1} << bits) + 3; ++number) both(number);
  for (Sequence number = greatest_number(slots_of_split) - 3; number <= greatest_number(slots_of_split); ++number)
    both(number);
}

TEST(HalvesModel, LooksThatOrderNothingAreCaught) {
  EXPECT_THROW(explore_halves({.preemptions = 2, .weak_loads = true}, as_dispatcher), Violation);
  EXPECT_THROW(explore_halves({.preemptions = 2, .weak_loads = true}, as_watcher), Violation);
}

}  // namespace
}  // namespace sidestep
