#include "operators/reference.hpp"
#include "operators/stream.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

/// A bus whose clock the test moves, and what an interval on it says: number:time.
class Beat {
 public:
  template <class Build>
  explicit Beat(Nanoseconds begin, Build build) : clock_(begin) {
    handle = build(interval(bus, 3ns)) | subscribe(saved, Sink{this});
  }
  void idle_at(Nanoseconds now) {
    clock_.set(now);
    bus.poll();
  }
  struct Sink {
    Beat* beat;
    void operator()(std::int64_t number) { beat->say(std::to_string(number)); }
    void end() { beat->say("|"); }
    void state(auto&) {}
  };
  void say(const std::string& what) { said += (said.empty() ? "" : " ") + what + ":" + std::to_string(clock_.now()); }

 private:
  ManualClock clock_;

 public:
  std::string said;  // before the bus: it still speaks when it closes
  Bus bus{{.clock = &clock_, .thread = false}};
  Handle handle;
};
constexpr auto plain = [](auto in) { return in; };

TEST(Interval, CountsTheIntervalsOfTheBusClock) {
  Beat beat(0, plain);
  for (Nanoseconds now = 0; now < 10; ++now) beat.idle_at(now);
  EXPECT_EQ(beat.said, "0:3 1:6 2:9");
}

TEST(Interval, TimeCountsFromWhereItWasAdded) {
  Beat beat(100, plain);
  for (Nanoseconds now = 100; now < 107; ++now) beat.idle_at(now);
  EXPECT_EQ(beat.said, "0:103 1:106");
}

TEST(Interval, ATickThatComesLateBringsItLateAndTheNextIsDueAsBefore) {
  Beat beat(0, plain);
  for (const Nanoseconds now : {2, 5, 6, 8, 9}) beat.idle_at(now);
  EXPECT_EQ(beat.said, "0:5 1:6 2:9");
}

TEST(Interval, WhatWasMissedIsLeftOutAndTheNumbersSayIt) {
  Beat beat(0, plain);
  for (const Nanoseconds now : {3, 14, 15, 16, 18}) beat.idle_at(now);
  EXPECT_EQ(beat.said, "0:3 3:14 4:15 5:18");
}

TEST(Interval, WhileTheDispatcherHasEventsItWaits) {
  Beat beat(0, plain);
  Producer producer = beat.bus.producer("test");
  int seen = 0;
  beat.bus.on<Number>() | subscribe([&](const Number&) { ++seen; });
  for (Nanoseconds now = 1; now <= 7; ++now) {
    producer.publish(Number{1});
    beat.idle_at(now);
  }
  EXPECT_EQ(seen, 7);
  EXPECT_EQ(beat.said, "");
  beat.idle_at(7);
  EXPECT_EQ(beat.said, "1:7");
}

TEST(Interval, SeesNoEvents) {
  Beat beat(0, plain);  // part of checkpoints, so it listens to the trainer alone
  const Handle other = interval(beat.bus, 3ns) | subscribe([](std::int64_t) {});
  beat.bus.publish(Number{1});
  beat.bus.producer("trainer", sidestep::Stream::trainer).publish(Number{1});
  while (beat.bus.poll()) {
  }
  for (const Handle& handle : {beat.handle, other}) {
    EXPECT_EQ(handle->published(), 0u);
    EXPECT_EQ(handle->delivered(), 0u);
  }
}

TEST(Interval, EndsWithTheBus) {
  Beat beat(0, plain);
  beat.idle_at(4);
  beat.bus.close();
  EXPECT_EQ(beat.said, "0:4 |:4");
}

TEST(Interval, TakeBehindItEndsIt) {
  Beat beat(0, [](auto in) { return std::move(in) | take(2); });
  for (Nanoseconds now = 0; now < 20; ++now) beat.idle_at(now);
  EXPECT_EQ(beat.said, "0:3 1:6 |:6");
  EXPECT_EQ(beat.handle->life(), Subscription::Life::completed);
}

TEST(Interval, ItsOwnerMayEndIt) {
  Beat beat(0, plain);
  beat.idle_at(3);
  beat.handle->end();
  for (Nanoseconds now = 4; now < 20; ++now) beat.idle_at(now);
  EXPECT_EQ(beat.said, "0:3");
}

TEST(Interval, MergesWithOtherChains) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  std::vector<double> seen;
  merge(interval(bus, 3ns) | map([](std::int64_t n) { return static_cast<double>(n); }),
        bus.on<Number>() | map([](const Number& n) { return n.value + 100; })) |
      subscribe([&](double value) { seen.push_back(value); });
  for (const Nanoseconds now : {1, 3, 4, 6}) {
    clock.set(now);
    if (now == 4) bus.publish(Number{7});
    while (bus.poll()) {
    }
  }
  EXPECT_EQ(seen, (std::vector<double>{0, 107, 1}));
}

TEST(Interval, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  const auto beats = [](Bus& bus) {
    return interval(bus, 3ns) | map([](std::int64_t n) { return 1000.0 + static_cast<double>(n); });
  };
  expect_usual_cases_of([=](Bus& bus, Watched& watched) {
    return merge(beats(bus), drawn_source<Number>(bus)) | subscribe(WatchedSink{&watched});
  });
  expect_usual_cases_of([=](Bus& bus, Watched& watched) {
    return merge(beats(bus), drawn_source<Number>(bus) | ignore_elements()) | subscribe(WatchedSink{&watched});
  });
}

TEST(Interval, GoesOnFromItsState) {
  Beat first(0, plain), second(5, plain);
  for (const Nanoseconds now : {3, 6}) first.idle_at(now);
  States states;
  first.handle->pipeline().mark({.kind = Mark::Kind::barrier, .number = 0, .cut = 1, .sink = &states});
  second.handle->pipeline().mark({.kind = Mark::Kind::restore, .number = 0, .sink = &states});
  for (const Nanoseconds now : {7, 8, 9, 12}) second.idle_at(now);
  EXPECT_EQ(second.said, "2:9 3:12");
}

TEST(Interval, DescribesItself) {
  Beat beat(0, plain);
  const auto lines = beat.handle->pipeline().describe();
  EXPECT_NE(std::find(lines.begin(), lines.end(), "interval(3)"), lines.end());
}

TEST(Interval, DependsOnClocks) {
  Beat beat(0, plain);
  EXPECT_TRUE(beat.handle->options().wall_time);
}

TEST(Interval, RefusesATimeOfNothing) {
  Bus bus({.thread = false});
  EXPECT_THROW((void)interval(bus, 0ns), OperatorError);
}

TEST(Interval, IsWhatAReferenceMakesOfRandomTicks) {
  expect_of_random_streams([](const Moments& stream, std::size_t) {
    ManualClock clock;
    Bus bus({.ring_capacity = 16, .clock = &clock, .thread = false});
    std::vector<std::pair<std::int64_t, Nanoseconds>> seen, expected;
    const Handle handle = interval(bus, 3ns) | timestamp() | subscribe([&](const Timestamped<std::int64_t>& beat) {
                            seen.emplace_back(beat.value, beat.stamp);
                          });
    feed(handle->pipeline(), stream);
    for (const Moment& one : stream) {
      if (one.value) continue;
      std::int64_t newest = -1;
      while ((newest + 2) * 3 <= one.at) ++newest;  // number k is due at 3 (k + 1)
      if (newest > (expected.empty() ? -1 : expected.back().first)) expected.emplace_back(newest, one.at);
    }
    return seen == expected;
  });
}

TEST(Interval, ATickThatIsLateBringsNothingTwice) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  std::vector<std::int64_t> seen;
  const Handle handle = interval(bus, 3ns) | subscribe([&](std::int64_t number) { seen.push_back(number); });
  feed(handle->pipeline(), {{6, std::nullopt}, {4, std::nullopt}, {6, std::nullopt}, {9, std::nullopt}});
  EXPECT_EQ(seen, (std::vector<std::int64_t>{1, 2}));
}

}  // namespace
