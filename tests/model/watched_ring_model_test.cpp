// A watcher that is lapped: the real ring, whose writer doesn't know of it, and the real WatchedRing, in every
// interleaving that a bound on preemptions allows and with every stale value that the memory model permits. Slots are
// written word by word with relaxed stores, which is what a plain store of a word is to another process.
#include <sidestep/bus/watched_ring.hpp>

#include <model/explorer.hpp>
#include <model/last_numbers.hpp>

#include <gtest/gtest.h>

namespace sidestep {
namespace {

using model::Atomics;
using model::Explorer;
using model::Violation;

/// What a watcher must not do: its copy isn't checked afterwards.
class Unchecked {
 public:
  Unchecked(const Slot* slots, std::size_t capacity) : slots_(slots), capacity_(capacity) {}
  bool next(Slot& to) {
    const Slot& slot = slots_[next_ & (capacity_ - 1)];
    if (Atomics::load(slot.sequence, std::memory_order_acquire) != next_) return false;
    const auto* const words = reinterpret_cast<const std::uint64_t*>(&slot);
    std::array<std::uint64_t, 8> copy{next_};
    for (const std::size_t i : {3u, 4u}) copy[i] = Atomics::load(words[i], std::memory_order_relaxed);
    Atomics::fence(std::memory_order_acquire);
    to = std::bit_cast<Slot>(copy);
    ++next_;
    return true;
  }

 private:
  const Slot* slots_;
  std::size_t capacity_;
  Sequence next_ = 1;
};

struct World {
  explicit World(std::size_t capacity, Sequence first = 1)
      : slots(new Slot[capacity]()),
        traces{.reach = first + capacity, .end = 0},
        ring(capacity, first, StreamWithin::nothing, 0, RingMemory{.slots = slots, .traces = &traces}) {}
  std::shared_ptr<Slot[]> slots;
  RingTraces traces;
  BasicRing<Atomics> ring;
};

/// Two words of each event's body say which one it is: this, and one more.
std::uint64_t body_of(Sequence number) { return 10 * number; }
void check_whole(Explorer& explorer, const Slot& event) {
  const auto words = std::bit_cast<std::array<std::uint64_t, 8>>(event);
  explorer.check(words[3] == body_of(event.sequence) && words[4] == body_of(event.sequence) + 1,
                 "a torn event was taken for a whole one");
}

/// One thread publishes and reads as the dispatcher does, another one watches. `appends`: what it publishes comes from
/// where it was spilled.
void publish_all(Explorer& explorer, World& world, int events, bool watcher_is_told, bool appends = false) {
  for (int event = 1; event <= events; ++event) {
    if (appends) {
      std::array<std::uint64_t, 8> words{};
      words[3] = body_of(world.ring.first() + static_cast<Sequence>(event) - 1), words[4] = words[3] + 1;
      while (!world.ring.append(std::bit_cast<Slot>(words))) world.ring.release(world.ring.available(64).size());
      continue;
    }
    Slot* slot = world.ring.claim();
    while (slot == nullptr) {
      if (const std::size_t there = world.ring.available(64).size(); there > 0) world.ring.release(there);
      if (world.ring.make_room()) slot = world.ring.claim();
    }
    auto* const words = reinterpret_cast<std::uint64_t*>(slot);
    const std::uint64_t body = body_of(world.ring.first() + static_cast<Sequence>(event) - 1);
    Atomics::store(words[3], body, std::memory_order_relaxed);
    Atomics::store(words[4], body + 1, std::memory_order_relaxed);
    world.ring.commit(*slot);
  }
  if (watcher_is_told) world.ring.tell_end();
  (void)explorer;
}

std::uint64_t explore_watcher(Explorer::Options options, int events, std::size_t capacity = 2, bool appends = false,
                              Sequence first = 1) {
  Explorer explorer(options);
  return explorer.run([&explorer, events, capacity, appends, first] {
    auto world = std::make_shared<World>(capacity, first);
    return std::vector<std::function<void()>>{
        [=, &explorer] { publish_all(explorer, *world, events, true, appends); },
        [=, &explorer] {
          WatchedRing<Atomics> watched(world->slots.get(), capacity, first, &world->traces, false);
          Slot event;
          for (Sequence last = 0;;) {
            auto look = WatchedRing<Atomics>::Look::nothing;
            explorer.until([&] { return (look = watched.next(event)) != WatchedRing<Atomics>::Look::nothing; });
            if (look == WatchedRing<Atomics>::Look::over) break;
            if (look != WatchedRing<Atomics>::Look::event) continue;
            explorer.check(event.sequence > last, "an event was seen twice, or out of order");
            last = event.sequence;
            check_whole(explorer, event);
          }
          explorer.check(watched.seen() + watched.missed() == static_cast<std::uint64_t>(events),
                         "an event was neither seen nor missed");
        }};
  });
}

/// One preemption is enough to notice what is weakened, and leaves a twentieth of the executions.
Explorer::Options with_one_preemption(Explorer::Options options) {
  options.preemptions = 1;
  return options;
}
const model::Program watched_program([](const Explorer::Options& options) {
  return explore_watcher(with_one_preemption(options), 3);
});

const model::Program appended_program([](const Explorer::Options& options) {
  return explore_watcher(with_one_preemption(options), 3, 2, true);
});

TEST(WatchedRingModel, ALappedWatcherTakesNoTornEventOfThoseThatWereSpilled) {
  EXPECT_GT(explore_watcher({.preemptions = 1}, 3, 2, true), 100u);
}

/// A ring's memory is another's when it has come to its end; the watcher comes at any moment.
std::uint64_t explore_take_away(const Explorer::Options& options, Sequence first = 1) {
  Explorer explorer(options);
  return explorer.run([&explorer, first] {
    auto world = std::make_shared<World>(2, first);
    return std::vector<std::function<void()>>{
        [=, &explorer] {
          publish_all(explorer, *world, 2, true);
          WatchedRing<Atomics>::take_away(world->traces);
          for (Slot* const slot : {&world->slots[0], &world->slots[1]}) {
            auto* const words = reinterpret_cast<std::uint64_t*>(slot);
            for (const std::size_t i : {0u, 3u, 4u})
              Atomics::store(words[i], std::uint64_t{0}, std::memory_order_relaxed);
          }
        },
        [=, &explorer] {
          WatchedRing<Atomics> watched(world->slots.get(), 2, first, &world->traces, true);
          Slot event;
          for (;;) {
            auto look = WatchedRing<Atomics>::Look::nothing;
            explorer.until([&] { return (look = watched.next(event)) != WatchedRing<Atomics>::Look::nothing; });
            if (look == WatchedRing<Atomics>::Look::over) break;
            if (look == WatchedRing<Atomics>::Look::event) check_whole(explorer, event);
          }
          explorer.check(watched.begin() + watched.seen() + watched.missed() == first + 2,
                         "an event was neither seen nor missed");
        }};
  });
}

const model::Program take_away_program([](const Explorer::Options& options) {
  return explore_take_away(with_one_preemption(options));
});

TEST(WatchedRingModel, MemoryThatIsTakenAwayEndsTheRingWithAllCounted) {
  const std::uint64_t executions = explore_take_away({.preemptions = 2});
  RecordProperty("executions", std::to_string(executions));
  EXPECT_GT(executions, 1000u);
}

TEST(WatchedRingModel, MemoryThatIsTakenAwayWithoutAWordIsCaught) {
  EXPECT_THROW(explore_take_away({.preemptions = 2, .weak_stores = true}), Violation);
  EXPECT_THROW(explore_take_away({.preemptions = 2, .weak_loads = true}), Violation);
  EXPECT_THROW(explore_take_away({.preemptions = 2, .weak_release_fences = true}), Violation);
  EXPECT_THROW(explore_take_away({.preemptions = 2, .weak_acquire_fences = true}), Violation);
}

TEST(WatchedRingModel, ALappedWatcherTakesNoTornEventAndCountsWhatItMissed) {
  const std::uint64_t executions = explore_watcher({.preemptions = 2}, 3);
  RecordProperty("executions", std::to_string(executions));
  EXPECT_GT(executions, 1000u);
}

TEST(WatchedRingModel, TheLastNumbersOfAllAreLikeTheFirst) {
  const Sequence last_three = greatest_number(2) - 2, like = 2;  // both even
  EXPECT_EQ(explore_watcher({.preemptions = 1}, 3, 2, false, last_three),
            explore_watcher({.preemptions = 1}, 3, 2, false, like));
  EXPECT_EQ(explore_watcher({.preemptions = 1}, 3, 2, true, last_three),
            explore_watcher({.preemptions = 1}, 3, 2, true, like));
  EXPECT_EQ(explore_take_away({.preemptions = 1}, last_three + 1), explore_take_away({.preemptions = 1}, like + 1));
}

TEST(WatchedRingModel, WhereverTheCheckWrapsItTakesNoTornEvent) {
  int wraps = 0;
  for (Sequence first = 1; wraps < 8; ++first) {
    if (check_of(first + 2) >= check_of(first)) continue;
    ++wraps;
    const Sequence like = first % 2 == 0 ? 2 : 1;  // its events lie in the same slots
    EXPECT_EQ(explore_watcher({.preemptions = 1}, 3, 2, false, first),
              explore_watcher({.preemptions = 1}, 3, 2, false, like))
        << first;
  }
}

TEST(WatchedRingModel, AWriterWithoutItsFenceIsCaught) {
  EXPECT_THROW(explore_watcher({.preemptions = 2, .weak_release_fences = true}, 3), Violation);
}

TEST(WatchedRingModel, AWatcherWithoutItsFenceIsCaught) {
  EXPECT_THROW(explore_watcher({.preemptions = 2, .weak_acquire_fences = true}, 3), Violation);
}

TEST(WatchedRingModel, ARelaxedStoreOfTheNumberIsCaught) {
  EXPECT_THROW(explore_watcher({.preemptions = 2, .weak_stores = true}, 3), Violation);
}

TEST(WatchedRingModel, ARelaxedLoadOfTheNumberIsCaught) {
  EXPECT_THROW(explore_watcher({.preemptions = 2, .weak_loads = true}, 3), Violation);
}

TEST(WatchedRingModel, ACopyThatIsNotCheckedAfterwardsIsCaught) {
  Explorer explorer({.preemptions = 2});
  const auto program = [&explorer] {
    auto world = std::make_shared<World>(2);
    return std::vector<std::function<void()>>{[=, &explorer] { publish_all(explorer, *world, 4, false); },
                                              [=, &explorer] {
                                                Unchecked watched(world->slots.get(), 2);
                                                Slot event;
                                                for (int look = 0; look < 3; ++look)
                                                  if (watched.next(event)) check_whole(explorer, event);
                                              }};
  };
  EXPECT_THROW(explorer.run(program), Violation);
}

}  // namespace
}  // namespace sidestep
