#include <sidestep/bus.hpp>

#include <bus/probe.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace sidestep {
namespace {

using testing_support::Probe;
using testing_support::probe_options;

TEST(Bus, DeliversEachEventOnceInOrder) {
  Bus bus({.ring_capacity = 8, .thread = false});
  auto seen = std::make_shared<std::vector<Step>>();
  bus.add(std::make_unique<Probe>([seen](const Slot& s) { seen->push_back(s.as<BatchEnd>().step); }), probe_options({BatchEnd::id}));
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
          if ((i + t) % 3 == 0) producer.publish(Metric{.step = i}), ++metric_count;
          else producer.publish(BatchEnd{.step = i}), ++batch_count;
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
  const Handle handle =
      bus.add(std::make_unique<Probe>([&](const Slot& s) { seen.push_back(s.as<BatchEnd>().step); }), probe_options({BatchEnd::id}));
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
            else seen.push_back(s.as<Metric>().step);
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
  EXPECT_THROW(bus.producer("later"), BusError);
  EXPECT_THROW(bus.add(std::make_unique<Probe>([](const Slot&) {}), probe_options({BatchEnd::id})), BusError);
}

TEST(Bus, AFullRingMakesThePublisherWaitAndCountsIt) {
  Bus bus({.ring_capacity = 4});
  std::atomic<bool> go{false};
  std::uint64_t seen = 0;
  bus.add(std::make_unique<Probe>([&](const Slot&) { while (!go.load(std::memory_order_acquire)) std::this_thread::yield(); ++seen; }),
          probe_options({BatchEnd::id}));
  Producer producer = bus.producer("test");
  producer.on_wait({[](void* self, Nanoseconds) { static_cast<std::atomic<bool>*>(self)->store(true, std::memory_order_release); }, &go});
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

TEST(Bus, RefusesACapacityThatIsNotAPowerOfTwo) { EXPECT_THROW(Bus({.ring_capacity = 1000}), BusError); }

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
