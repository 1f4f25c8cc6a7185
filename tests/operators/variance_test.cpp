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
TEST(Variance, OverWindowsOfAllKinds) {
  compare_over_windows([] { return variance(); }, exactly::variance);
}
TEST(Variance, InTheUsualCases) {
  expect_the_usual([] { return variance(); }, exactly::variance);
}
/// In squares: the root of a variance of 1e-16, which is rounding, is 1e-8.
TEST(StandardDeviation, OverWindowsOfAllKinds) {
  const auto squared = [](double x) { return x * x; };
  compare([=](auto in) { return std::move(in) | window(count(3)) | standard_deviation() | map(squared); },
          of_windows(3, 3, true, exactly::variance));
  compare([=](auto in) { return std::move(in) | window(sliding(4)) | standard_deviation() | map(squared); },
          of_windows(4, 1, false, exactly::variance));
  compare([=](auto in) { return std::move(in) | window(sliding(2, 3)) | standard_deviation() | map(squared); },
          of_windows(2, 3, false, exactly::variance));
  compare([=](auto in) { return std::move(in) | window(sliding(5, 3)) | standard_deviation() | map(squared); },
          of_windows(5, 3, false, exactly::variance));
  compare([=](auto in) { return std::move(in) | window(growing()) | standard_deviation() | map(squared); },
          of_growing(exactly::variance));
}
TEST(StandardDeviation, InTheUsualCases) {
  expect_the_usual([] { return standard_deviation(); }, deviation_of);
}

}  // namespace
