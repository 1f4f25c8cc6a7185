#include "operators/statistics_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Variance, OfHardStreamsThatSlide) {
  expect_exact([] { return variance(); }, exactly::variance,
               [](double v, const At& a) {
                 return 1e-14 * v + 2e-15 * a.distance * a.distance + std::numeric_limits<double>::min();
               });
}
TEST(Variance, ForgetsWhatWasHuge) {
  Values stream(50, 1e200);
  for (int i = 0; i < 20; ++i) stream.push_back(i % 2);
  const Values out = out_of(stream, [](auto in) { return std::move(in) | window(sliding(4)) | variance(); });
  EXPECT_EQ(out.back(), 0.25);
  EXPECT_EQ(out_of({-1e200, 1e200}, [](auto in) { return std::move(in) | window(count(2)) | variance(); }),
            (Values{infinity}));
  EXPECT_EQ(out_of({-1e200, 1e200}, [](auto in) { return std::move(in) | window(sliding(2)) | variance(); }),
            (Values{infinity}));
}

double deviation_of(const Values& v) { return std::sqrt(exactly::variance(v)); }
TEST(Variance, OverWindowsOfAllKinds) { compare_over_windows([] { return variance(); }, exactly::variance); }
TEST(Variance, InTheUsualCases) { expect_the_usual([] { return variance(); }, exactly::variance); }
TEST(StandardDeviation, OverWindowsOfAllKinds) { compare_over_windows([] { return standard_deviation(); }, deviation_of); }
TEST(StandardDeviation, InTheUsualCases) { expect_the_usual([] { return standard_deviation(); }, deviation_of); }

}  // namespace
