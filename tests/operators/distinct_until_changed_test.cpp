#include "operators/stream.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(DistinctUntilChanged, DropsWhatEqualsTheOneBefore) {
  EXPECT_EQ(marble("112-21|", [](auto in) { return std::move(in) | distinct_until_changed(); }), "0:1 2:2 5:1 6:|");
}

TEST(DistinctUntilChanged, ComparesKeys) {
  EXPECT_EQ(marble("1325|",
                   [](auto in) {
                     return std::move(in) | distinct_until_changed([](double x) { return static_cast<int>(x) % 2; });
                   }),
            "0:1 2:2 3:5 4:|");
}

TEST(DistinctUntilChanged, NanIsAlwaysNew) {
  EXPECT_EQ(
      marble("00|",
             [](auto in) { return std::move(in) | map([](double x) { return x / 0.0; }) | distinct_until_changed(); }),
      "0:nan 1:nan 2:|");
}

}  // namespace
