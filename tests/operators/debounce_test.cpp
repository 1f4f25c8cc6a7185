#include "operators/stream.hpp"
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

TEST(Debounce, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases([](auto in) { return std::move(in) | debounce(2ns); }); }

}  // namespace
