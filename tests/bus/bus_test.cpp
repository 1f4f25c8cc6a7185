#include <sidestep/bus.hpp>

#include <bus/probe.hpp>
#include <scratch_folder.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <thread>
#include <vector>

namespace sidestep {
namespace {

using test::complaint;
using testing_support::Probe;
using testing_support::probe_options;

TEST(Bus, DeliversEachEventOnceInOrder) {
  Bus bus({.ring_capacity = 8, .thread = false});
  auto seen = std::make_shared<std::vector<Step>>();
  bus.add(std::make_unique<Probe>([seen](const Slot& s) { seen->push_back(s.as<BatchEnd>().step); }),
          probe_options({BatchEnd::id}));
  Producer producer = bus.producer("test");
  for (Step step = 1; step <= 100; ++step) {
    producer.publish(BatchEnd{.step = step});
    if (step % 5 == 0) bus.flush();
  }
  ASSERT_EQ(seen->size(), 100u);
  for (Step step = 1; step <= 100; ++step) EXPECT_EQ((*seen)[step - 1], step);
}

TEST(Bus, CountsExactlyWhatItsPublishersCounted) {
  Bus bus({.ring_capacity = 64});
  const Handle batches = bus.add(std::make_unique<Probe>([](const Slot&) {}), probe_options({BatchEnd::id}));
  const Handle both = bus.add(std::make_unique<Probe>([](const Slot&) {}), probe_options({BatchEnd::id, Metric::id}));
  std::atomic<std::uint64_t> batch_count{0}, metric_count{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&, t] {
        Producer producer = bus.producer("worker");
        for (int i = 0; i < 5000; ++i) {
          if ((i + t) % 3 == 0)
            producer.publish(Metric{.step = i}), ++metric_count;
          else
            producer.publish(BatchEnd{.step = i}), ++batch_count;
        }
      });
  }
  bus.flush();
  EXPECT_EQ(batches->published(), batch_count);
  EXPECT_EQ(batches->delivered(), batch_count);
  EXPECT_EQ(both->published(), batch_count + metric_count);
  EXPECT_EQ(both->delivered(), batch_count + metric_count);
  EXPECT_EQ(both->pending(), 0u);
  const BusAccount sum = bus.account();
  EXPECT_EQ(sum.events, 15000u);
  EXPECT_EQ(sum.published, sum.delivered + sum.dropped + sum.pending);
}

TEST(Bus, ASubscriptionSeesWhatIsPublishedAfterItWasMadeAndNothingElse) {
  Bus bus({.thread = false});
  Producer producer = bus.producer("test");
  producer.publish(BatchEnd{.step = 1});
  std::vector<Step> seen;
  const Handle handle = bus.add(std::make_unique<Probe>([&](const Slot& s) { seen.push_back(s.as<BatchEnd>().step); }),
                                probe_options({BatchEnd::id}));
  producer.publish(BatchEnd{.step = 2});
  producer.publish(BatchEnd{.step = 3});
  handle->end();
  producer.publish(BatchEnd{.step = 4});
  bus.flush();
  EXPECT_EQ(seen, (std::vector<Step>{2, 3}));
  EXPECT_EQ(handle->life(), Subscription::Life::ended);
  EXPECT_EQ(handle->published(), 2u);
}

TEST(Bus, AHandlerThatPublishesIntoItsOwnFullRingSpillsInOrder) {
  Bus bus({.ring_capacity = 4});
  std::vector<Step> seen;
  bus.add(std::make_unique<Probe>([&](const Slot& s) {
            if (s.type == BatchEnd::id)
              for (Step i = 0; i < 20; ++i) bus.publish(Metric{.step = s.as<BatchEnd>().step * 100 + i});
            else
              seen.push_back(s.as<Metric>().step);
          }),
          probe_options({BatchEnd::id, Metric::id}));
  Producer producer = bus.producer("test");
  for (Step step = 1; step <= 5; ++step) producer.publish(BatchEnd{.step = step});
  bus.close();
  ASSERT_EQ(seen.size(), 100u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST(Bus, PublishingAfterCloseIsSwallowedAndCountedNeverABlock) {
  Bus bus({.ring_capacity = 4});
  Producer producer = bus.producer("late");
  bus.close();
  for (int i = 0; i < 10; ++i) producer.publish(BatchEnd{.step = i});
  EXPECT_EQ(producer.ring().swallowed.get(), 6u);
  EXPECT_EQ(bus.account().after_close, 10u);
}

TEST(Bus, WhoTriesUntilThereIsRoomComesToAnEndOnAClosedBusAndIsCounted) {
  Bus bus({.ring_capacity = 8, .thread = false});
  Producer producer = bus.producer("late");
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(producer.try_publish(BatchEnd{.step = i}));
  EXPECT_FALSE(producer.try_publish(BatchEnd{})) << "while it is open a full ring says so";
  EXPECT_EQ(producer.ring().swallowed.get(), 0u);
  bus.close();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(producer.try_publish(BatchEnd{.step = i}));
  EXPECT_EQ(bus.account().after_close, 20u);
  for (int i = 0; i < 20; ++i) {
    auto reserved = producer.reserve<BatchEnd>();
    reserved.commit();
  }
  EXPECT_EQ(bus.account().after_close, 40u);
  EXPECT_EQ(bus.account().events, 8u);
}

TEST(Bus, WhoPublishesForTheFirstTimeAfterCloseIsCountedToo) {
  Bus bus;
  bus.publish(BatchEnd{.step = 1});
  bus.close();
  EXPECT_EQ(bus.account().after_close, 0u);
  std::thread late([&] {
    for (int i = 0; i < 10; ++i) bus.publish(BatchEnd{.step = i});
    bus.publish(Metric{});
  });
  late.join();
  bus.publish(Metric{});
  EXPECT_EQ(bus.account().after_close, 12u);
}

TEST(Bus, WhatWasPublishedBehindCloseStaysCountedAndIsNoEventThatTheBusHandedOver) {
  for (const bool thread : {false, true}) {
    Bus bus({.ring_capacity = 4, .thread = thread});
    Producer stays = bus.producer("stays"), leaves = bus.producer("leaves");
    for (int i = 0; i < 3; ++i) stays.publish(BatchEnd{});
    leaves.publish(BatchEnd{});
    bus.close();
    EXPECT_EQ(bus.account().events, 4u);
    EXPECT_EQ(bus.account().after_close, 0u);
    for (int i = 0; i < 10; ++i) stays.publish(BatchEnd{}), leaves.publish(BatchEnd{});
    leaves.leave();
    bus.publish(Metric{});
    for (int looks = 0; looks < 3; ++looks) {
      EXPECT_EQ(bus.account().events, 4u);
      EXPECT_EQ(bus.account().after_close, 21u);
      EXPECT_FALSE(bus.poll());
    }
  }
}

TEST(Bus, WhatWasThrownAwayBeforeCloseIsNoneOfThoseBehindIt) {
  Bus bus({.ring_capacity = 4, .thread = false});
  const Handle floods = bus.add(std::make_unique<Probe>([&](const Slot&) {
                                  for (int i = 0; i < 70'000; ++i) bus.publish(Metric{});
                                }),
                                probe_options({BatchEnd::id}));
  bus.publish(BatchEnd{});
  bus.flush();
  ASSERT_TRUE(floods->failed());
  bus.close();
  EXPECT_EQ(bus.account().after_close, 0u);
  bus.publish(Metric{});
  EXPECT_EQ(bus.account().after_close, 1u);
}

TEST(Bus, WhoComesAfterCloseIsToldToComeBefore) {
  for (const unsigned dispatchers : {1u, 2u}) {
    Bus bus({.dispatchers = dispatchers});
    Producer before = bus.producer("before");
    before.publish(BatchEnd{});
    bus.close();
    EXPECT_EQ(complaint<BusError>([&] { (void)bus.producer("later"); }),
              "producer 'later' joined a closed bus: make it before close().");
    const auto held = std::make_shared<int>();  // by the handler
    EXPECT_EQ(complaint<BusError>(
                  [&] { bus.add(std::make_unique<Probe>([held](const Slot&) {}), probe_options({BatchEnd::id})); }),
              "a pipeline was added to a closed bus: add it before close().");
    EXPECT_EQ(held.use_count(), 1) << "what was refused is kept";
    EXPECT_TRUE(bus.subscriptions().empty());
    before.publish(BatchEnd{});  // who was there before is none the worse for it
    bus.flush();
    bus.close();
    EXPECT_TRUE(bus.closed());
  }
}

TEST(Bus, AFullRingMakesThePublisherWaitAndCountsIt) {
  Bus bus({.ring_capacity = 4});
  std::atomic<bool> go{false};
  std::uint64_t seen = 0;
  bus.add(std::make_unique<Probe>([&](const Slot&) {
            while (!go.load(std::memory_order_acquire)) std::this_thread::yield();
            ++seen;
          }),
          probe_options({BatchEnd::id}));
  Producer producer = bus.producer("test");
  producer.on_wait(
      {[](void* self, Nanoseconds) { static_cast<std::atomic<bool>*>(self)->store(true, std::memory_order_release); },
       &go});
  for (int i = 0; i < 100; ++i) producer.publish(BatchEnd{.step = i});
  bus.close();
  EXPECT_EQ(seen, 100u);
  EXPECT_GE(bus.account().publisher_waits, 1u);
}

TEST(Bus, AFailedPipelineIsIsolatedAndReported) {
  Bus bus({.thread = false});
  std::string error;
  std::uint64_t others = 0;
  const Handle bad = bus.add(std::make_unique<Probe>([](const Slot& s) {
                               if (s.as<BatchEnd>().step == 3) throw std::runtime_error("three");
                             }),
                             probe_options({BatchEnd::id}, "bad"));
  bus.add(std::make_unique<Probe>([&](const Slot&) { ++others; }), probe_options({BatchEnd::id}));
  bus.add(std::make_unique<Probe>([&](const Slot& s) { error = s.as<PipelineFailed>().error.text(); }),
          probe_options({PipelineFailed::id}));
  Producer producer = bus.producer("test");
  for (Step step = 1; step <= 5; ++step) producer.publish(BatchEnd{.step = step});
  bus.flush();
  bus.flush();
  EXPECT_TRUE(bad->failed());
  EXPECT_EQ(bad->error(), "three");
  EXPECT_EQ(error, "three");
  EXPECT_EQ(others, 5u);
  EXPECT_EQ(bad->published(), bad->delivered() + bad->dropped() + bad->pending());
  EXPECT_EQ(bad->delivered(), 3u);
}

TEST(Bus, MayBeEndedFromAnotherThreadWhileEventsCome) {
  Bus bus({.ring_capacity = 64});
  std::atomic<std::uint64_t> sent{0};
  std::jthread publisher([&](std::stop_token stop) {
    Producer producer = bus.producer("test");
    while (!stop.stop_requested()) producer.publish(BatchEnd{.step = 1}), sent.fetch_add(1, std::memory_order_relaxed);
  });
  for (int i = 0; i < 50; ++i) {
    std::uint64_t seen = 0;
    const Handle handle = bus.add(std::make_unique<Probe>([&](const Slot&) { ++seen; }), probe_options({BatchEnd::id}));
    while (handle->delivered() == 0 && sent < 100'000) std::this_thread::yield();
    handle->end();
    EXPECT_EQ(handle->delivered(), seen);  // its handler isn't running any more
    EXPECT_EQ(handle->pending(), 0u);
  }
}

TEST(Bus, AHandlerThatHangsIsNamedAndHoldsTheEndNoLongerThanItsDeadline) {
  auto release = std::make_shared<std::atomic<bool>>(false);
  {
    Bus bus({.ring_capacity = 4, .deadline = std::chrono::milliseconds(50)});
    const Handle hung = bus.add(std::make_unique<Probe>([release](const Slot&) {
                                  while (!release->load(std::memory_order_acquire)) std::this_thread::yield();
                                }),
                                probe_options({BatchEnd::id}, "hung"));
    Producer producer = bus.producer("test");
    producer.publish(BatchEnd{.step = 1});
    bus.close();
    EXPECT_TRUE(hung->failed());
    for (int i = 0; i < 10; ++i) producer.publish(BatchEnd{.step = i});  // never waits for it
  }
  release->store(true, std::memory_order_release);
}

std::string refusal(std::size_t capacity) {
  return complaint<BusError>([&] { Bus({.ring_capacity = capacity, .thread = false}); });
}
TEST(Bus, RefusesACapacityThatIsNotAPowerOfTwo) {
  EXPECT_EQ(refusal(1000), "ring capacity 1000 isn't a power of two: choose 1024.");
  EXPECT_EQ(refusal(0), "ring capacity 0 isn't a power of two: choose 2.");
  EXPECT_EQ(refusal(1), "ring capacity 1 isn't a power of two: choose 2.");
  EXPECT_EQ(refusal(2), "");
}

TEST(Bus, RefusesACapacityThatNoRingHas) {
  const std::string mend = " is more than a ring has, 4294967296 events: choose 16384 or some power of two near it.";
  constexpr std::size_t one = 1;
  for (const std::size_t capacity :
       {(one << 32) + 1, one << 33, one << 36, one << 58, one << 63, (one << 63) + 1, ~std::size_t{0}})
    EXPECT_EQ(refusal(capacity), "ring capacity " + std::to_string(capacity) + mend);
}

TEST(Bus, RefusesACapacityThatTheMachineHasNoMemoryFor) {
  const auto bytes =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t most = std::bit_floor(bytes / 64), more = 2 * most;
  if (more > std::uint64_t{1} << 32) GTEST_SKIP() << "this machine has memory for any ring";
  EXPECT_EQ(refusal(most), "");  // nothing is taken yet
  EXPECT_EQ(refusal(more), "ring capacity " + std::to_string(more) + " takes " + std::to_string(more * 64 >> 20) +
                               " MiB for each producer, and this machine has " + std::to_string(bytes >> 20) +
                               ": choose at most " + std::to_string(most) + ".");
}

TEST(Bus, RefusesAFirstNumberThatEventsWouldSoonComeToTheEndFrom) {
  const auto refused = [](Sequence first) {
    return complaint<BusError>([&] { Bus({.thread = false, .first_number = first}); });
  };
  EXPECT_EQ(refused(1), "");
  EXPECT_EQ(refused(Sequence{1} << 63), "");
  const std::string mend = ": choose 1 to 9223372036854775808.";
  EXPECT_EQ(refused(0), "first number 0" + mend);
  EXPECT_EQ(refused((Sequence{1} << 63) + 1), "first number 9223372036854775809" + mend);
}

struct Imposter {
  static constexpr EventId id = BatchEnd::id;
  static constexpr std::string_view name = "Imposter";
  int value;
};
TEST(Events, TwoTypesWithOneIdAreAnError) {
  Bus bus({.thread = false});
  EXPECT_NO_THROW((void)event_info<BatchEnd>());
  EXPECT_THROW((void)bus.on<Imposter>(), EventTypeError);
}

TEST(Names, EqualTextsHaveEqualNames) {
  EXPECT_EQ(intern("val/loss"), intern(std::string("val/") + "loss"));
  EXPECT_NE(intern("val/loss"), intern("val/accuracy"));
  EXPECT_EQ(intern("val/loss").text(), "val/loss");
  EXPECT_EQ(Name{}.text(), "");
}

}  // namespace
}  // namespace sidestep
