#include "operators/statistics_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Mean, OfHardStreamsThatSlide) {
  expect_exact([] { return mean(); }, exactly::mean,
               [](double m, const At& a) {
                 return 4.5e-16 * std::abs(m) + 1e-28 * a.greatest + std::numeric_limits<double>::denorm_min();
               });
}

TEST(Mean, OverWindowsOfAllKinds) {
  compare_over_windows([] { return mean(); }, exactly::mean);
}
TEST(Mean, InTheUsualCases) {
  expect_the_usual([] { return mean(); }, exactly::mean);
}
TEST(Mean, OfWhatIsNotFinite) {
  const auto of_two = [](auto in) { return std::move(in) | window(count(2)) | mean(); };
  expect_values(out_of({infinity, 1, -infinity, 1, infinity, -infinity, no_number, 1, 1, 2}, of_two),
                {infinity, -infinity, no_number, no_number, 1.5});
}

}  // namespace
