#include "operators/statistics_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

constexpr double eps = 1.01234;  // no slope of small whole numbers comes to this, so rounding decides nothing
TEST(Plateau, SaysOfEachWindowWhetherItIsFlat) {
  const auto either = [](const Values& v) {
    return std::abs(exactly::slope(v) * static_cast<double>(v.size() - 1)) < eps ? 1.0 : 0.0;
  };
  compare_over_windows([] { return plateau(eps); }, either);
}
TEST(Plateau, LooksForOneWayOfImprovementAlone) {
  const auto change = [](const Values& v) { return exactly::slope(v) * static_cast<double>(v.size() - 1); };
  compare_over_windows([] { return plateau(eps, {.improves = Improves::down}); },
                       [=](const Values& v) { return -change(v) < eps ? 1.0 : 0.0; });
  compare_over_windows([] { return plateau(eps, {.improves = Improves::up}); },
                       [=](const Values& v) { return change(v) < eps ? 1.0 : 0.0; });
}
TEST(Plateau, IsSaidOnceOfALossThatFallsNoMore) {
  Values loss;
  for (int i = 0; i < 400; ++i) loss.push_back(std::exp(-i / 20.0));
  const Values out = out_of(loss, [](auto in) {
    return std::move(in) | window(sliding(20)) | plateau(1e-3, {.improves = Improves::down}) |
           distinct_until_changed() | filter(std::identity());
  });
  EXPECT_EQ(out, (Values{1}));
}
// The slope of two whole numbers is exact.
TEST(Plateau, AChangeOfExactlyEpsIsNoPlateau) {
  const auto chain = [](auto in) { return std::move(in) | window(count(2)) | plateau(2); };
  expect_values(out_of({1, 3, 3, 1, 1, 2.5}, chain), {0, 0, 1});
}
TEST(Plateau, RefusesWhatNothingIsLessThan) {
  EXPECT_THROW(plateau(0), OperatorError);
  EXPECT_THROW(plateau(-1), OperatorError);
  EXPECT_THROW(plateau(no_number), OperatorError);
}

TEST(Plateau, InTheUsualCases) {
  expect_the_usual([] { return plateau(eps); },
                   [](const Values& v) {
                     return std::abs(exactly::slope(v) * static_cast<double>(v.size() - 1)) < eps ? 1.0 : 0.0;
                   });
}

TEST(Plateau, DescribesItself) {
  EXPECT_EQ(described([](auto in) {
              return std::move(in) | window(count(2)) | plateau(1) | map([](bool flat) { return flat ? 1.0 : 0.0; });
            })[5],
            "plateau(1, either)");
  EXPECT_EQ(described([](auto in) {
              return std::move(in) | window(count(2)) | plateau(1, {.improves = Improves::up}) |
                     map([](bool flat) { return flat ? 1.0 : 0.0; });
            })[5],
            "plateau(1, up)");
  EXPECT_EQ(described([](auto in) {
              return std::move(in) | window(count(2)) | plateau(1, {.improves = Improves::down}) |
                     map([](bool flat) { return flat ? 1.0 : 0.0; });
            })[5],
            "plateau(1, down)");
}

}  // namespace
