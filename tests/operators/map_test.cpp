#include "operators/stream.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Map, EmitsWhatTheFunctionSays) {
  EXPECT_EQ(marble("--1--2-|", [](auto in) { return std::move(in) | map([](double x) { return x * 10; }); }),
            "2:10 5:20 7:|");
}

TEST(Map, TakesMembersAndMemberFunctions) {
  struct Pair {
    double value;
    double twice() const { return 2 * value; }
  };
  EXPECT_EQ(marble("-1-2|",
                   [](auto in) { return std::move(in) | map([](double x) { return Pair{x}; }) | map(&Pair::value); }),
            "1:1 3:2 4:|");
  EXPECT_EQ(marble("-1-2|",
                   [](auto in) { return std::move(in) | map([](double x) { return Pair{x}; }) | map(&Pair::twice); }),
            "1:2 3:4 4:|");
}

TEST(Map, TwoAfterEachOtherAreOneOfBoth) {
  const auto f = [](double x) { return x + 1; };
  const auto g = [](double x) { return x * 3; };
  EXPECT_EQ(marble("12-3|", [&](auto in) { return std::move(in) | map(f) | map(g); }),
            marble("12-3|", [&](auto in) { return std::move(in) | map([=](double x) { return g(f(x)); }); }));
}

}  // namespace
