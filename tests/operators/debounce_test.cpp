#include "operators/endings.hpp"
#include "operators/two_inputs.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Debounce, EmitsWhatNothingHasFollowed) {
  EXPECT_EQ(marble("--1-2-3-------4----|", [](auto in) { return std::move(in) | debounce(3ns); }), "9:3 17:4 19:|");
}

TEST(Debounce, AValueExactlyAtTheEndOfTheWaitComesTooLate) {
  EXPECT_EQ(marble("1--2---|", [](auto in) { return std::move(in) | debounce(3ns); }), "3:1 6:2 7:|");
}

TEST(Debounce, EmitsWhatWaitsAtTheEndOfTheStream) {
  EXPECT_EQ(marble("-1-|", [](auto in) { return std::move(in) | debounce(3ns); }), "3:1 3:|");
  EXPECT_EQ(marble("---|", [](auto in) { return std::move(in) | debounce(3ns); }), "3:|");
}

TEST(Debounce, AnEarlierStampReplacesTheValueAndDoesNotShortenTheWait) {
  Driven driven([](auto in) { return std::move(in) | debounce(3ns); });
  const Moments stream{{10, 1.0}, {5, 2.0}, {12, std::nullopt}};
  driven.run(stream.data(), stream.data() + 3, 8);
  EXPECT_TRUE(driven.output.empty());
  const Moment due{13, std::nullopt};
  driven.run(&due, &due + 1, 8);
  EXPECT_EQ(driven.output, (std::vector<double>{2}));
}

constexpr auto quiet_for_three = [](auto in) { return std::move(in) | debounce(3ns); };

TEST(Debounce, TheNextEventEndsTheWaitTooWhenNoTickComes) {
  EXPECT_EQ(output_of(quiet_for_three, Moments{{0, 1.0}, {3, 2.0}, {5, 3.0}, {100, 4.0}}, 8),
            (std::vector<double>{1, 3, 4}));
}

TEST(Debounce, NaNIsAValue) {
  EXPECT_EQ(marble("1---2---|",
                   [](auto in) {
                     return std::move(in) | map([](double x) { return x == 1 ? std::nan("") : x; }) | debounce(3ns);
                   }),
            "3:nan 7:2 8:|");
}

TEST(Debounce, BetweenTakes) {
  EXPECT_EQ(marble("1----2----3----|", [](auto in) { return quiet_for_three(std::move(in)) | take(1); }), "3:1 3:|");
  EXPECT_EQ(marble("1-2-----3---|", [](auto in) { return quiet_for_three(std::move(in) | take(2)); }), "2:2 2:|")
      << "the stream is over while it waits";
}

TEST(Debounce, WindowsHoldWhatComesOut) {
  EXPECT_EQ(
      marble("1-2---3----4----5|", [](auto in) { return quiet_for_three(std::move(in)) | window(count(2)) | sum(); }),
      "9:5 17:9 17:|");
}

TEST(Debounce, AnErrorOrAnUnsubscriptionDropsWhatWaits) {
  EXPECT_EQ(drawn<1>({"-1----2#---|"}, quiet_for_three), "----1--#");
  EXPECT_EQ(script("a1 ! - - - - |", quiet_for_three), "");
}

TEST(Debounce, AHandlerMayPublishWhatItListensTo) {
  ManualClock clock;
  Bus bus({.clock = &clock, .thread = false});
  std::string out;
  quiet_for_three(bus.on<Number>() | map(&Number::value)) | subscribe([&](double value) {
    out += std::to_string(clock.now()) + ":" + text_of(value) + " ";
    if (value < 10) bus.publish(Number{value + 10});
  });
  bus.publish(Number{1});
  for (Nanoseconds now = 0; now < 10; ++now) {
    clock.set(now);
    while (bus.poll()) {
    }
  }
  EXPECT_EQ(out, "3:1 6:11 ") << "the answer waits for its own time";
}

TEST(Debounce, DependsOnWallTimeAndDescribesItself) {
  EXPECT_TRUE(Driven(quiet_for_three).handle()->options().wall_time);
  EXPECT_EQ(described(quiet_for_three)[3], "debounce(3)");
}

TEST(Debounce, RefusesAWaitOfNothing) {
  EXPECT_THROW(debounce(0ns), OperatorError);
  EXPECT_THROW(debounce(-1ns), OperatorError);
}

TEST(Debounce, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) { return std::move(in) | debounce(2ns); });
}

}  // namespace
