// Publishing allocates nothing and makes no system call, whichever way it is done. The allocator counts; a seccomp
// filter kills the process at any call of the publisher's thread.
#include <sidestep/bus.hpp>
#include <sidestep/bus/shared_bus.hpp>

#include <bus/probe.hpp>
#include <control/gate.hpp>
#include <no_system_calls.hpp>
#include <replaced_new.hpp>
#include <scratch_folder.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <tuple>
#include <utility>

namespace {
std::atomic<bool> counting{false};        // on all threads
thread_local bool counting_here = false;  // on this one
thread_local bool none_here = false;      // nobody on this thread finds memory
std::atomic<std::uint64_t> allocations{0};
std::atomic<std::size_t> refused{std::numeric_limits<std::size_t>::max()};  // what asks for so much finds no memory
}  // namespace

void* sidestep::test::take_memory(std::size_t bytes, std::size_t alignment) {
  if (counting_here || counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
  if (none_here || bytes >= refused.load(std::memory_order_relaxed)) return nullptr;
  return aligned_memory(bytes, alignment);
}
void sidestep::test::give_memory(void* memory) noexcept { std::free(memory); }

namespace sidestep {
namespace {

using namespace std::chrono_literals;
using test::lives_without_system_calls;
using testing_support::Probe;
using testing_support::probe_options;

/// A way to publish: four events, of these steps.
struct WayToPublish {
  const char* name;
  void (*four)(Bus&, Producer&, Step first);
};

void PrintTo(const WayToPublish& way, std::ostream* to) { *to << way.name; }

constexpr Step steps = 4;  // of each

template <void (*one)(Bus&, Producer&, Step)>
void one_by_one(Bus& bus, Producer& producer, Step first) {
  for (Step step = first; step < first + steps; ++step) one(bus, producer, step);
}
/// What is asked to say whether there was room. There is.
void taken(bool published) {
  if (!published) std::abort();
}
std::array<BatchEnd, steps> batch_ends(Step first) {
  return {BatchEnd{.step = first}, BatchEnd{.step = first + 1}, BatchEnd{.step = first + 2},
          BatchEnd{.step = first + 3}};
}

constexpr WayToPublish ways[] = {
    {"publish", one_by_one<[](Bus&, Producer& to, Step step) { to.publish(BatchEnd{.step = step}); }>},
    {"publish_at", one_by_one<[](Bus&, Producer& to, Step step) { to.publish_at(step, BatchEnd{.step = step}); }>},
    {"try_publish", one_by_one<[](Bus&, Producer& to, Step step) { taken(to.try_publish(BatchEnd{.step = step})); }>},
    {"try_publish_at",
     one_by_one<[](Bus&, Producer& to, Step step) { taken(to.try_publish_at(step, BatchEnd{.step = step})); }>},
    {"publish_n", [](Bus&, Producer& to, Step first) { to.publish_n(std::span<const BatchEnd>(batch_ends(first))); }},
    {"publish_n_of_one_moment",
     [](Bus&, Producer& to, Step first) { to.publish_n(first, std::span<const BatchEnd>(batch_ends(first))); }},
    {"reserve_and_commit", one_by_one<[](Bus&, Producer& to, Step step) {
       auto event = to.reserve<BatchEnd>();
       event->step = step;
       event.commit();
     }>},
    {"reserve_and_commit_at", one_by_one<[](Bus&, Producer& to, Step step) {
       auto event = to.reserve<BatchEnd>();
       event->step = step;
       event.commit_at(step);
     }>},
    {"by_the_bus", one_by_one<[](Bus& bus, Producer&, Step step) { bus.publish(BatchEnd{.step = step}); }>},
};

/// In one form of a store, in one way.
class HotPath : public ::testing::TestWithParam<std::tuple<Stores, WayToPublish>> {
 protected:
  static constexpr Step events = 10'000;
  static Stores stores() { return std::get<0>(GetParam()); }
  /// Those of steps first to first + events - 1.
  static void publish(Bus& bus, Producer& producer, Step first) {
    for (Step step = first; step < first + events; step += steps) std::get<1>(GetParam()).four(bus, producer, step);
  }
  /// What a thread that publishes for the first time needs: a ring of its own, and pages that are there.
  static void warm_up(Bus& bus, Producer& producer) {
    publish(bus, producer, 1);
    if (bus.options().thread) bus.flush();
    while (bus.poll()) {
    }
  }
};

TEST_P(HotPath, PublishingAndHandlingAllocateNothing) {
  Bus bus({.ring_capacity = 65536, .stores = stores()});
  std::uint64_t seen = 0;
  std::int64_t sum = 0;
  bus.add(std::make_unique<Probe>([&](const Slot& slot) { ++seen, sum += slot.as<BatchEnd>().step; }),
          probe_options({BatchEnd::id}));
  Producer producer = bus.producer("test");
  warm_up(bus, producer);
  counting = true;
  publish(bus, producer, 1);
  counting = false;
  bus.flush();
  EXPECT_EQ(allocations.exchange(0), 0u);
  EXPECT_EQ(seen, 2u * events);
  EXPECT_EQ(sum, events * (events + 1));
  counting = true;
  ::operator delete(::operator new(1));  // the counter counts
  counting = false;
  EXPECT_EQ(allocations.exchange(0), 1u);
}

TEST_P(HotPath, PublishingMakesNoSystemCall) {
  Bus bus({.ring_capacity = 65536, .thread = false, .stores = stores()});
  bus.add(std::make_unique<Probe>([](const Slot&) {}), probe_options({BatchEnd::id}));
  Producer producer = bus.producer("test");
  warm_up(bus, producer);
  EXPECT_TRUE(lives_without_system_calls([&] { publish(bus, producer, 1); }));
}

/// The dispatcher's thread naps, wakes and hands over meanwhile, as it likes; nobody tells it.
TEST_P(HotPath, PublishingToADispatcherAtWorkMakesNoSystemCall) {
  EXPECT_TRUE(test::lives_without_system_calls_once_prepared([] {
    struct World {
      std::atomic<Step> seen{0};
      Bus bus{{.ring_capacity = 65536, .stores = stores()}};
      Producer producer = bus.producer("test");
    };
    auto* const world = new World;  // the process ends with it
    // relaxed: a count
    world->bus.add(
        std::make_unique<Probe>([world](const Slot&) { world->seen.fetch_add(1, std::memory_order_relaxed); }),
        probe_options({BatchEnd::id}));
    warm_up(world->bus, world->producer);
    return [world] {
      publish(world->bus, world->producer, 1);
      while (world->seen.load(std::memory_order_relaxed) != 2 * events) {
      }
    };
  }));
}

// Where a CPU has no streaming stores, both are plain.
INSTANTIATE_TEST_SUITE_P(Form, HotPath,
                         ::testing::Combine(::testing::Values(Stores::plain, Stores::streaming),
                                            ::testing::ValuesIn(ways)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param) == Stores::plain ? "plain_" : "streaming_") +
                                  std::get<1>(info.param).name;
                         });

TEST(HotPath, ASystemCallIsNoticedOnItsOwnThreadAlone) {
  EXPECT_FALSE(lives_without_system_calls([] { (void)getppid(); }));
  EXPECT_FALSE(test::lives_without_system_calls_once_prepared([] { return [] { (void)getppid(); }; }));
  EXPECT_TRUE(test::lives_without_system_calls_once_prepared([] { return (void)getppid(), [] {}; }));
}

TEST(HotPath, LearningThatARingIsFullAllocatesNothingAndMakesNoSystemCall) {
  Bus bus({.ring_capacity = 4, .thread = false});
  Producer producer = bus.producer("test");
  for (Step step = 0; step < 4; ++step) ASSERT_TRUE(producer.try_publish(BatchEnd{.step = step}));
  counting = true;
  EXPECT_FALSE(producer.try_publish(BatchEnd{}));
  counting = false;
  EXPECT_EQ(allocations.exchange(0), 0u);
  EXPECT_TRUE(lives_without_system_calls([&] { taken(!producer.try_publish(BatchEnd{})); }));
}

TEST(Producers, OneWhoseRingFindsNoMemoryIsToldSoAndTheBusGoesOn) {
  Bus bus({.ring_capacity = 65536, .thread = false});
  Producer before = bus.producer("before");
  refused = 65536 * sizeof(Slot);
  const std::string why = test::complaint<BusError>([&] { (void)bus.producer("test"); });
  refused = std::numeric_limits<std::size_t>::max();
  EXPECT_EQ(why,
            "producer 'test' found no memory for a ring of 65536 events, 64 bytes each: give BusOptions::ring_capacity "
            "less.");
  Producer after = bus.producer("after");
  std::uint64_t seen = 0;
  bus.add(std::make_unique<Probe>([&](const Slot&) { ++seen; }), probe_options({BatchEnd::id}));
  before.publish(BatchEnd{}), after.publish(BatchEnd{});
  bus.flush();
  EXPECT_EQ(seen, 2u);
}

/// Room comes when it has waited for so long that it looks after the dispatchers too, or never.
TEST(Producers, OneWhoWaitsForRoomNeedsNoMemory) {
  for (const bool hangs : {false, true}) {
    const auto gate = std::make_shared<test::Gate>();  // the handler that hung owns it too
    std::optional<Bus> bus(std::in_place,
                           BusOptions{.ring_capacity = 4, .dispatchers = 2, .deadline = hangs ? 50ms : 10s});
    Handle slow =
        bus->add(std::make_unique<Probe>([gate](const Slot&) { gate->pass(); }), probe_options({BatchEnd::id}));
    Producer producer = bus->producer("test");
    producer.publish(BatchEnd{.step = 1});
    gate->await();  // no deadline runs while the dispatcher's thread is only beginning
    for (Step step = 2; step <= 4; ++step) producer.publish(BatchEnd{.step = step});
    std::jthread late([&] {
      while (producer.ring().waits.get() == 0) std::this_thread::yield();
      std::this_thread::sleep_for(20ms);
      if (!hangs) gate->open();
    });
    none_here = true;
    producer.publish(BatchEnd{.step = 5});
    none_here = false;
    EXPECT_EQ(bus->given_up(), hangs);
    EXPECT_EQ(slow->failed(), hangs);
    EXPECT_EQ(slow->error(), hangs ? "failed" : "") << "there is no memory for more";
    EXPECT_EQ(bus->account().after_close, hangs ? 1u : 0u);
    slow.reset();
    bus.reset();
    gate->open();
    late.join();
    while (gate.use_count() > 1) std::this_thread::yield();  // nobody else waits for a dispatcher that was given up
  }
}

TEST(HotPath, PublishingWhereOthersMayWatchAllocatesNothingAndMakesNoSystemCall) {
  const test::ScratchFolder place;
  Bus bus({.ring_capacity = 65536, .thread = false, .shared = std::make_shared<SharedBus>(place.path())});
  Producer producer = bus.producer("test");
  counting_here = true;  // the thread that hands the memory to others may only be beginning
  for (Step step = 1; step <= 10'000; ++step) producer.publish(BatchEnd{.step = step});
  counting_here = false;
  EXPECT_EQ(allocations.exchange(0), 0u);
  EXPECT_TRUE(test::lives_without_system_calls([&] {
    for (Step step = 1; step <= 10'000; ++step) producer.publish(BatchEnd{.step = step});
  }));
}

}  // namespace
}  // namespace sidestep
