#include "operators/stream.hpp"

#include <gtest/gtest.h>

#include <atomic>

/// A pipeline of several parts of which one completes before the stream ends.
namespace {
using namespace sidestep;
using namespace sidestep::test;

void publish_numbers(Bus& bus, int from, int to) {
  for (int i = from; i <= to; ++i) bus.publish(Number{static_cast<double>(i)});
}

TEST(ObserveOnTake, ATakeBehindItCompletesThePipeline) {
  Bus bus;
  std::vector<double> seen;
  const Handle handle = bus.on<Number>() | map(&Number::value) | observe_on(io) | take(3) |
                        subscribe([&](double x) { seen.push_back(x); });
  publish_numbers(bus, 1, 1000);
  bus.flush();
  EXPECT_EQ(handle->life(), Subscription::Life::completed);
  EXPECT_EQ(seen, (std::vector<double>{1, 2, 3}));
  EXPECT_TRUE(handle->queues()[0]->idle());
}

TEST(ObserveOnTake, ATakeBeforeItCompletesWhatStandsBehind) {
  Bus bus;
  std::vector<double> seen;
  const Handle handle = bus.on<Number>() | map(&Number::value) | take(3) | observe_on(io) | window(count(2)) | sum() |
                        observe_on(io) | subscribe([&](double x) { seen.push_back(x); });
  publish_numbers(bus, 1, 10);
  bus.flush();
  EXPECT_EQ(handle->life(), Subscription::Life::completed);
  EXPECT_EQ(seen, (std::vector<double>{3, 3}));
}

// What has been told once isn't told again: its queue would grow by a mark for each span.
TEST(ObserveOnTake, ATakeBeforeItSaysOnceThatItIsOver) {
  for (const bool throws : {false, true}) {
    std::atomic<bool> open{false};
    Bus bus({.thread = false});
    const Handle handle = bus.on<Number>() | map(&Number::value) | tap([throws](double x) {
                            if (throws && x == 2) throw std::runtime_error("two");
                          }) |
                          take(throws ? 9 : 1) | observe_on(io, {.capacity = 8}) |
                          subscribe([&](double) { open.wait(false); });
    for (int i = 1; i <= 100; ++i) {
      publish_numbers(bus, i, i);
      bus.poll();
    }
    EXPECT_EQ(handle->queues()[0]->marks_pushed.get(), 1u);
    open.store(true);
    open.notify_all();
    bus.close();
    EXPECT_EQ(handle->life(), throws ? Subscription::Life::failed : Subscription::Life::completed);
  }
}

/// What becomes of a pipeline of a checkpoint, and of one that is loaded from it, by the end of their buses.
void expect_completed(const char* name, auto build) {
  States states;
  const auto run = [&](auto... first) {
    Bus bus;
    bus.cut_sink(&states);
    const Handle handle = build(bus);
    Producer producer = bus.producer("trainer", sidestep::Stream::trainer);
    (producer.publish(first), ...);
    producer.publish(Number{1});
    bus.flush();
    producer.publish(Barrier{.step = 1, .cut = 1});
    bus.close();
    return handle->life();
  };
  EXPECT_EQ(run(), Subscription::Life::completed) << name;
  EXPECT_EQ(run(CheckpointLoaded{.step = 1, .file = {}}), Subscription::Life::completed) << name << ", loaded";
}
TEST(ObserveOnTake, ATakeAnywhereCompletesAPipelineOfACheckpoint) {
  const auto end = [] { return subscribe(saved, pure([](double) {})); };
  expect_completed("before it",
                   [&](Bus& bus) { return bus.on<Number>() | map(&Number::value) | take(1) | observe_on(io) | end(); });
  expect_completed("before two", [&](Bus& bus) {
    return bus.on<Number>() | map(&Number::value) | take(1) | observe_on(io) | every(1) | observe_on(io) | end();
  });
  expect_completed("between two", [&](Bus& bus) {
    return bus.on<Number>() | map(&Number::value) | observe_on(io) | take(1) | observe_on(io) | end();
  });
}

// A pipeline of a checkpoint whose end is seen behind observe_on goes on before it: its state there must not depend on
// when.
TEST(ObserveOnTake, ATakeBehindItLeavesTheSavedStateBeforeItAlone) {
  Bus bus;
  std::uint64_t count = 0;
  const Handle handle = bus.on<Number>() | map(&Number::value) | scan(0.0, [](double a, double x) { return a + x; }) |
                        observe_on(io) | take(1) | subscribe(saved, pure([&](double) { ++count; }));
  Producer producer = bus.producer("trainer", sidestep::Stream::trainer);
  States states;
  bus.cut_sink(&states);
  for (int i = 1; i <= 100; ++i) {
    producer.publish(Number{static_cast<double>(i)});
    if (i % 10 == 0) bus.flush();
  }
  producer.publish(Barrier{.step = 1, .cut = 1});
  bus.flush();
  ASSERT_EQ(states.parts.size(), 2u);
  Archive archive{std::span<const std::byte>(states.parts[0])};
  std::uint32_t over = 1;
  double sum = 0;
  archive(over, sum);
  EXPECT_EQ(over, 0u);
  EXPECT_EQ(sum, 5050);
  EXPECT_EQ(count, 1u);
  bus.close();
  EXPECT_EQ(handle->life(), Subscription::Life::completed);
}

}  // namespace
