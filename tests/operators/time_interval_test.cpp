#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <sidestep/operators/last.hpp>
#include <sidestep/operators/start_with.hpp>
#include <sidestep/operators/time_interval.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

struct ValueAndInterval {
  double operator()(const TimeInterval<double>& t) const { return 1000 * t.value + static_cast<double>(t.interval); }
};
const auto timed = [](auto in) { return std::move(in) | time_interval() | map(ValueAndInterval{}); };

TEST(TimeInterval, IsTheTimeSinceTheValueBefore) {
  EXPECT_EQ(drawn<1>({"-1----2---3---|"}, [](auto in) { return std::move(in) | time_interval(); }), "-1+0--2+5-3+4-|");
}

TEST(TimeInterval, TheFirstHasNothingBeforeIt) {
  EXPECT_EQ(marble("----1|", timed), "4:1000 5:|");
  EXPECT_EQ(marble("--|", timed), "2:|");
  Driven before_zero(timed);
  const Moments stream{{-7, 1.0}, {-5, 2.0}};
  before_zero.run(stream.data(), stream.data() + 2, 8);
  EXPECT_EQ(before_zero.output, (Values{1000, 2002}));
}

TEST(TimeInterval, ALateStampIsNoTimeAndDoesNotSetItBack) {
  Driven driven(timed);
  const Moments stream{{5, 1.0}, {2, 2.0}, {5, 3.0}, {8, 4.0}};
  driven.run(stream.data(), stream.data() + stream.size(), 3);
  EXPECT_EQ(driven.output, (Values{1000, 2000, 3000, 4003}));
}

TEST(TimeInterval, TicksDoNotCount) { EXPECT_EQ(marble("1------2|", timed), "0:1000 7:2007 8:|"); }

TEST(TimeInterval, OfSeveralValuesThatOneEventBringsIsZero) {
  EXPECT_EQ(marble("1--2|",
                   [](auto in) { return std::move(in) | start_with(7) | time_interval() | map(ValueAndInterval{}); }),
            "0:7000 0:1000 3:2003 4:|");
}

TEST(TimeInterval, IsOfWhatTheStageBeforeItEmits) {
  EXPECT_EQ(
      marble("1-2-3-4|", [](auto in) { return std::move(in) | every(2) | time_interval() | map(ValueAndInterval{}); }),
      "2:2000 6:4004 7:|");
  EXPECT_EQ(marble("12--3---|",
                   [](auto in) { return std::move(in) | debounce(2ns) | time_interval() | map(ValueAndInterval{}); }),
            "3:2000 6:3003 8:|");
}

TEST(TimeInterval, BetweenTakesAndWindows) {
  EXPECT_EQ(marble("1-2|", [](auto in) { return std::move(in) | time_interval() | take(1) | map(ValueAndInterval{}); }),
            "0:1000 0:|");
  EXPECT_EQ(marble("1-2-3|",
                   [](auto in) {
                     return std::move(in) | time_interval() | window(count(3)) | sum(&TimeInterval<double>::interval);
                   }),
            "4:4 5:|");
}

TEST(TimeInterval, MayBeUnsubscribedOrFail) {
  EXPECT_EQ(
      unsubscribed("1!2|", [](auto in) { return std::move(in) | time_interval() | map(&TimeInterval<double>::value); }),
      "1");
  EXPECT_EQ(drawn<1>({"-#|"}, [](auto in) { return std::move(in) | time_interval(); }), "-#");
}

TEST(TimeInterval, DependsOnClocks) {
  Driven with(timed);
  EXPECT_TRUE(with.handle()->options().wall_time);
}

TEST(TimeInterval, WhatFollowsMayKeepTheEvent) {
  EXPECT_EQ(of_two_types(99,
                         [](auto in) {
                           return std::move(in) | time_interval() |
                                  last([](const auto& t) { return number_of(t.value) == 5; }) |
                                  map([](const auto& t) { return number_of(t.value); });
                         }),
            Values{5});
}

Values intervals_of(const Moments& stream) {
  Values out;
  std::optional<Nanoseconds> latest;
  for (const Moment& m : stream) {
    if (!m.value) continue;
    const Nanoseconds now = std::max(m.at, latest.value_or(m.at));
    out.push_back(1000 * *m.value + static_cast<double>(now - latest.value_or(now)));
    latest = now;
  }
  return out;
}

TEST(TimeInterval, IsWhatAReferenceMakesOfRandomStreams) { compare(timed, intervals_of); }

TEST(TimeInterval, GoesOnFromAnyCut) {
  expect_same_at_every_cut("time_interval", timed);
  expect_same_at_every_cut("time_interval, last",
                           [](auto in) { return std::move(in) | time_interval() | last() | map(ValueAndInterval{}); });
  expect_words_for_damage("time_interval", timed);
}

TEST(TimeInterval, DescribesItself) { EXPECT_EQ(described(timed)[3], "time_interval"); }

TEST(TimeInterval, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(timed); }

}  // namespace
