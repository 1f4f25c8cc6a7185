#include "operators/statistics_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Sum, OfHardStreamsThatSlide) {
  expect_exact([] { return sum(); }, exactly::sum,
               [](double s, const At& a) { return 2.3e-16 * std::abs(s) + 1e-28 * a.greatest; });
}
// What a sum of 1,200 values has left of each of them.
TEST(Sum, OfHardStreamsThatTumbleOrGrow) {
  for (const auto& [name, stream] : hard_streams()) {
    if (!exactly::all_finite(stream)) continue;
    const double expected = exactly::sum(stream), greatest = std::abs(*std::max_element(stream.begin(), stream.end()));
    const double error = 2.3e-16 * std::abs(expected) + 1e-25 * greatest;
    EXPECT_NEAR(out_of(stream, [](auto in) { return std::move(in) | window(count(5000)) | sum(); }).at(0), expected,
                error)
        << name;
    EXPECT_NEAR(out_of(stream, [](auto in) { return std::move(in) | window(growing()) | sum(); }).back(), expected,
                error)
        << name;
    EXPECT_NEAR(out_of(stream, [](auto in) { return std::move(in) | window(growing()) | mean(); }).back(),
                exactly::mean(stream), error)
        << name;
  }
}

// Neumaier's own example: Kahan's sum of these is 0.
TEST(Sum, KeepsWhatAGreatValueHides) {
  const auto all = [](auto in) { return std::move(in) | window(count(4)) | sum(); };
  EXPECT_EQ(out_of({1, 1e100, 1, -1e100}, all), (Values{2}));
  EXPECT_EQ(out_of({1e16, 1, 1, -1e16}, all), (Values{2}));
}
TEST(Sum, OfWhatIsNotFiniteIsWhatAdditionSays) {
  const auto of_two = [](auto in) { return std::move(in) | window(count(2)) | sum(); };
  expect_values(out_of({infinity, 1, -infinity, 1, infinity, -infinity, no_number, 1, 1, 2}, of_two),
                {infinity, -infinity, no_number, no_number, 3});
  expect_values(out_of({1e308, 1e308, 1, 1}, of_two), {infinity, 2});
}
TEST(Sum, ThatOverflowsIsWholeAgainWhenAllHasLeft) {
  const Values out =
      out_of({1e308, 1e308, 1, 1, 1, 1, 1, 1}, [](auto in) { return std::move(in) | window(sliding(2)) | sum(); });
  EXPECT_EQ(out.front(), infinity);
  EXPECT_EQ(out.back(), 2);
}

TEST(Sum, OverWindowsOfAllKinds) {
  compare_over_windows([] { return sum(); }, exactly::sum);
}
TEST(Sum, InTheUsualCases) {
  expect_the_usual([] { return sum(); }, exactly::sum);
}

}  // namespace
