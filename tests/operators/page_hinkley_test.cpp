#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;

/// As it stands in the papers: sums of all deviations so far, their least value, and the difference.
Reference page(double delta, double lambda, PageHinkleyOptions options) {
  return [=](const Moments& s, bool) {
    Values out, seen;
    double up = 0, least_up = 0, down = 0, least_down = 0;
    for (const double x : values_of(s)) {
      if (!std::isfinite(x)) continue;
      seen.push_back(x);
      double mean = 0;
      for (const double y : seen) mean += y / static_cast<double>(seen.size());
      up += x - mean - delta, down += mean - x - delta;
      least_up = std::min(least_up, up), least_down = std::min(least_down, down);
      if (static_cast<std::int64_t>(seen.size()) < options.least) continue;
      if ((options.rises && up - least_up > lambda) || (options.falls && down - least_down > lambda)) {
        out.push_back(x);
        seen.clear();
        up = least_up = down = least_down = 0;
      }
    }
    return out;
  };
}
Values noise(int n, double mean, std::mt19937_64& random) {
  std::normal_distribution<double> normal(mean, 1);
  Values values;
  for (int i = 0; i < n; ++i) values.push_back(normal(random));
  return values;
}
/// Numbers of the values at which it says something.
template <class... Options>
std::vector<int> alarms(const Values& values, double delta, double lambda, Options... options) {
  Bus bus({.thread = false});
  std::vector<int> found;
  int n = 0;
  const Handle handle = bus.on<Number>() | tap([&](const Number&) { ++n; }) |
                        page_hinkley(delta, lambda, PageHinkleyOptions{options...}, &Number::value) |
                        subscribe([&](const Number&) { found.push_back(n - 1); });
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Slot slot = slot_of({static_cast<Nanoseconds>(i), values[i]}, i + 1);
    handle->pipeline().run(std::span(&slot, 1));
  }
  return found;
}

TEST(PageHinkley, IsThatOfThePapers) {
  for (const PageHinkleyOptions options :
       {PageHinkleyOptions{.least = 1}, PageHinkleyOptions{.least = 3}, PageHinkleyOptions{.falls = false, .least = 2},
        PageHinkleyOptions{.rises = false, .least = 2}})
    compare([=](auto in) { return std::move(in) | page_hinkley(0.1234, 2.0123, options); },
            page(0.1234, 2.0123, options));
}
TEST(PageHinkley, FindsAStepSoonAndNothingBefore) {
  std::mt19937_64 random(1);
  Values values = noise(2000, 5, random);
  for (const double x : noise(500, 8, random)) values.push_back(x);
  const std::vector<int> found = alarms(values, 0.5, 20);
  ASSERT_FALSE(found.empty());
  EXPECT_GE(found[0], 2000);
  EXPECT_LT(found[0], 2020);
}
TEST(PageHinkley, BeginsAnewAndFindsTheWayBack) {
  std::mt19937_64 random(2);
  Values values = noise(1000, 5, random);
  for (const double x : noise(1000, 9, random)) values.push_back(x);
  for (const double x : noise(1000, 5, random)) values.push_back(x);
  const std::vector<int> found = alarms(values, 0.5, 20);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_TRUE(found[0] >= 1000 && found[0] < 1020 && found[1] >= 2000 && found[1] < 2020)
      << found[0] << ' ' << found[1];
}
TEST(PageHinkley, IsSilentOnNoise) {
  std::mt19937_64 random(3);
  EXPECT_TRUE(alarms(noise(100'000, 5, random), 0.5, 30).empty());
}
TEST(PageHinkley, LooksOneWayIfAskedTo) {
  std::mt19937_64 random(4);
  Values values = noise(1000, 5, random);
  for (const double x : noise(1000, 2, random)) values.push_back(x);
  EXPECT_TRUE(alarms(values, 0.5, 20, true, false).empty());
  EXPECT_EQ(alarms(values, 0.5, 20, false, true).size(), 1U);
}
TEST(PageHinkley, SaysNothingBeforeItHasSeenEnough) {
  const auto first = [](std::int64_t least) {
    return marble("1199999999|",
                  [=](auto in) { return std::move(in) | page_hinkley(0, 1, {.least = least}) | take(1); });
  };
  EXPECT_EQ(first(1), "2:9 2:|");
  EXPECT_EQ(first(5), "4:9 4:|");
  EXPECT_EQ(first(50), "10:|");
}
TEST(PageHinkley, UnlessToldOtherwiseThatIsThirtyValues) {
  Values values(10, 0.0);
  values.resize(40, 9.0);
  EXPECT_EQ(alarms(values, 0, 1).at(0), 29);
}
// Of 0 and 2 the mean is 1, so the sum has risen by exactly 1.
TEST(PageHinkley, ASumThatIsExactlyLambdaIsNotTooMuch) {
  for (const double step : {2.0, -2.0}) {
    EXPECT_TRUE(alarms({0, step}, 0, 1, true, true, 1).empty()) << step;
    EXPECT_EQ(alarms({0, step}, 0, 0.999, true, true, 1), std::vector<int>{1}) << step;
    EXPECT_EQ(alarms({0, step}, 0.25, 0.75, true, true, 1), std::vector<int>{}) << step;
  }
}
TEST(PageHinkley, LeavesOutWhatIsNotFinite) {
  Values values(100, 1.0);
  for (std::size_t i = 0; i < values.size(); i += 7) values[i] = i % 2 == 0 ? HUGE_VAL : std::nan("");
  EXPECT_TRUE(alarms(values, 0, 1e-9).empty());
  Values step(40, 1.0);
  step.push_back(HUGE_VAL), step.push_back(-HUGE_VAL);
  step.resize(80, 5.0);
  EXPECT_EQ(alarms(step, 0, 2).at(0), 42) << "and finds what comes behind it";
}
TEST(PageHinkley, BegunAnewItKnowsNothingOfWhatWasBefore) {
  Values values{1e17, 1e17};
  values.resize(20, 1.5);
  EXPECT_EQ(alarms(values, 0, 0.1, true, true, 2), std::vector<int>{2});
}
TEST(PageHinkley, IsSilentOnConstants) {
  for (const double constant : {0.0, 0.1, 1e16, std::numeric_limits<double>::denorm_min()})
    EXPECT_TRUE(alarms(Values(5000, constant), 0, 1e-9).empty()) << constant;
}
TEST(PageHinkley, EmitsNothingWhenTheStreamEnds) {
  EXPECT_EQ(marble("12|", [](auto in) { return std::move(in) | page_hinkley(0, 100); }), "2:|");
  EXPECT_EQ(marble("-|", [](auto in) { return std::move(in) | page_hinkley(0, 100); }), "1:|");
}
TEST(PageHinkley, DescribesItself) {
  Driven driven([](auto in) { return std::move(in) | page_hinkley(0.5, 4); });
  const auto lines = driven.pipeline().describe();
  EXPECT_NE(std::find(lines.begin(), lines.end(), "page_hinkley(0.5, 4)"), lines.end());
}
TEST(PageHinkley, RefusesWhatItCannotCompareWith) {
  EXPECT_THROW(page_hinkley(-1, 1), OperatorError);
  EXPECT_THROW(page_hinkley(std::nan(""), 1), OperatorError);
  EXPECT_THROW(page_hinkley(0, 0), OperatorError);
  EXPECT_THROW(page_hinkley(0, 1, {.least = 0}), OperatorError);
  EXPECT_NO_THROW(page_hinkley(0, 1, {.least = 1}));
}

TEST(PageHinkley, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) { return std::move(in) | page_hinkley(0.1, 2.0, PageHinkleyOptions{.least = 1}); });
}

}  // namespace
