#include "operators/stream.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Filter, LetsPassWhatThePredicateSaysTrueTo) {
  const auto big = [](auto in) { return std::move(in) | filter([](double x) { return x > 3; }); };
  EXPECT_EQ(marble("--1--5--2--7--|", big), "5:5 11:7 14:|");
  EXPECT_EQ(marble("|", big), "0:|");
  EXPECT_EQ(marble("--1--2--|", big), "8:|");
}

TEST(Filter, TakesMemberFunctionsMembersAndNamedMetrics) {
  Bus bus({.thread = false});
  std::vector<double> seen;
  bus.on<Metric>() | filter(named("val/loss")) | map(&Metric::value) | subscribe([&](double x) { seen.push_back(x); });
  bus.on<FitBegin>() | filter(&FitBegin::resumed) |
      subscribe([&](const FitBegin& e) { seen.push_back(static_cast<double>(e.step)); });
  bus.publish(Metric{.step = 1, .value = 1, .metric = intern("val/loss"), .epoch = 1});
  bus.publish(Metric{.step = 1, .value = 2, .metric = intern("train/loss"), .epoch = 1});
  bus.publish(FitBegin{.step = 7, .steps_per_epoch = 1, .last_step = 9, .epoch = 1, .epochs = 1, .resumed = false});
  bus.publish(FitBegin{.step = 8, .steps_per_epoch = 1, .last_step = 9, .epoch = 1, .epochs = 1, .resumed = true});
  bus.flush();
  EXPECT_EQ(seen, (std::vector<double>{1, 8}));
}

TEST(Filter, FiniteAndNotFinite) {
  EXPECT_TRUE(not_finite(std::nan("")));
  EXPECT_TRUE(not_finite(HUGE_VAL));
  EXPECT_TRUE(not_finite(-HUGE_VALF));
  EXPECT_FALSE(not_finite(1.0));
  EXPECT_TRUE(is_finite(1.0f));
  EXPECT_FALSE(is_finite(std::nanf("")));
}

}  // namespace
