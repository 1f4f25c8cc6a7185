#include "operators/statistics_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Slope, OfHardStreamsThatSlide) {
  expect_exact([] { return slope(); }, exactly::slope,
               [](double s, const At& a) {
                 return 1e-14 * std::abs(s) + 4e-15 * a.distance + std::numeric_limits<double>::min();
               });
}
TEST(Slope, OverWindowsOfAllKinds) {
  compare_over_windows([] { return slope(); }, exactly::slope);
}
TEST(Slope, OfOneValueOrWhatIsNotFiniteIsNan) {
  const auto tumbling = [](auto in) { return std::move(in) | window(count(3)) | slope(); };
  expect_values(out_of({1, 3, 5, no_number, 1, 2, 1, 2, infinity, 7}, tumbling), {2, no_number, no_number, no_number});
  expect_values(out_of({1, infinity, 5, 7, 9}, [](auto in) { return std::move(in) | window(sliding(2)) | slope(); }),
                {no_number, no_number, 2, 2});
}

TEST(Slope, InTheUsualCases) {
  expect_the_usual([] { return slope(); }, exactly::slope);
}

}  // namespace
