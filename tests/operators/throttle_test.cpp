#include "operators/endings.hpp"
#include "operators/two_inputs.hpp"
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

constexpr auto one_in_four = [](auto in) { return std::move(in) | throttle(4ns); };

TEST(Throttle, OfNothingAndOfOne) {
  EXPECT_EQ(marble("---|", one_in_four), "3:|");
  EXPECT_EQ(marble("-1-|", one_in_four), "1:1 3:|") << "the end comes in an open interval";
  EXPECT_EQ(marble("-1----|", one_in_four), "1:1 6:|") << "the end comes behind it";
}

TEST(Throttle, NaNOpensAnIntervalToo) {
  EXPECT_EQ(marble("12--3|",
                   [](auto in) {
                     return std::move(in) | map([](double x) { return x == 1 ? std::nan("") : x; }) | throttle(4ns);
                   }),
            "0:nan 4:3 5:|");
}

TEST(Throttle, TheFirstStampMayBeAnyTime) {
  EXPECT_EQ(output_of(one_in_four, Moments{{-9, 1.0}, {-6, 2.0}, {-5, 3.0}, {0, 4.0}}, 8),
            (std::vector<double>{1, 3, 4}));
}

TEST(Throttle, BetweenTakes) {
  EXPECT_EQ(marble("12345678|", [](auto in) { return one_in_four(std::move(in)) | take(1); }), "0:1 0:|");
  EXPECT_EQ(marble("12345678|", [](auto in) { return one_in_four(std::move(in) | take(5)); }), "0:1 4:5 4:|");
}

TEST(Throttle, MayBeUnsubscribedOrFail) {
  EXPECT_EQ(script("a1 a2 ! a3 - a4 |", one_in_four), "1");
  EXPECT_EQ(drawn<1>({"-12#45|"}, one_in_four), "-1-#");
}

TEST(Throttle, AHandlerMayPublishWhatItListensTo) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  std::string out;
  one_in_four(bus.on<Number>() | map(&Number::value)) | subscribe([&](double value) {
    out += std::to_string(clock.now()) + ":" + text_of(value) + " ";
    bus.publish(Number{value + 10});
  });
  for (const Nanoseconds now : {0, 4}) {
    clock.set(now);
    bus.publish(Number{1});
    while (bus.poll()) {
    }
  }
  EXPECT_EQ(out, "0:1 4:1 ") << "the answer falls into the interval that its cause opened";
}

TEST(Throttle, DescribesItself) { EXPECT_EQ(described(one_in_four)[3], "throttle(4)"); }

TEST(Throttle, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) { return std::move(in) | throttle(4ns); });
}

}  // namespace
