#include "operators/stream.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Throttle, EmitsTheFirstOfEachInterval) {
  EXPECT_EQ(marble("--1-2-3-----4--5--|", [](auto in) { return std::move(in) | throttle(4ns); }), "2:1 6:3 12:4 18:|");
}

TEST(Throttle, AnEventExactlyAtTheEndOpensTheNextInterval) {
  EXPECT_EQ(marble("1--2|", [](auto in) { return std::move(in) | throttle(3ns); }), "0:1 3:2 4:|");
  EXPECT_EQ(marble("1-2-|", [](auto in) { return std::move(in) | throttle(3ns); }), "0:1 4:|");
}

TEST(Throttle, AnEarlierStampBelongsToTheOpenInterval) {
  Driven driven([](auto in) { return std::move(in) | throttle(4ns); });
  const Moments stream{{10, 1.0}, {3, 2.0}, {13, 3.0}, {14, 4.0}};
  driven.run(stream.data(), stream.data() + 4, 8);
  EXPECT_EQ(driven.output, (std::vector<double>{1, 4}));
}

TEST(Throttle, DependsOnWallTime) {
  Driven with([](auto in) { return std::move(in) | throttle(4ns); });
  Driven without([](auto in) { return std::move(in) | every(4); });
  EXPECT_TRUE(with.handle()->options().wall_time);
  EXPECT_FALSE(without.handle()->options().wall_time);
}

TEST(Throttle, RefusesAnIntervalOfNothing) { EXPECT_THROW(throttle(0ns), OperatorError); }

TEST(Throttle, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases([](auto in) { return std::move(in) | throttle(4ns); }); }

}  // namespace
