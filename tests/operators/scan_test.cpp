#include "operators/stream.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Scan, EmitsTheAccumulatorAfterEachValueAndNotTheSeed) {
  const auto sums = [](auto in) { return std::move(in) | scan(0.0, [](double a, double x) { return a + x; }); };
  EXPECT_EQ(marble("-1-2-3|", sums), "1:1 3:3 5:6 6:|");
  EXPECT_EQ(marble("--|", sums), "2:|");
}

TEST(Scan, MayChangeTheType) {
  EXPECT_EQ(marble("-1-2-3|",
                   [](auto in) {
                     return std::move(in) | scan(std::int64_t{0}, [](std::int64_t n, double) { return n + 1; }) |
                            map([](std::int64_t n) { return static_cast<double>(n); });
                   }),
            "1:1 3:2 5:3 6:|");
}

}  // namespace
