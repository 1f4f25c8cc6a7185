#include "operators/statistics_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Extremes, OfHardStreamsThatSlide) {
  expect_exact([] { return min_of(); }, exactly::least, [](double, const At&) { return 0.0; });
  expect_exact([] { return max_of(); }, exactly::greatest, [](double, const At&) { return 0.0; });
}

TEST(Extremes, OverWindowsOfAllKinds) {
  compare_over_windows([] { return min_of(); }, exactly::least);
  compare_over_windows([] { return max_of(); }, exactly::greatest);
}
TEST(Extremes, InTheUsualCases) {
  expect_the_usual([] { return min_of(); }, exactly::least);
  expect_the_usual([] { return max_of(); }, exactly::greatest);
}

}  // namespace
