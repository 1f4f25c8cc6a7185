#include "operators/answered.hpp"
#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/stream.hpp"
#include "operators/usual_cases.hpp"

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

constexpr auto above_three = [](double x) { return x > 3; };
const auto big_ones = [](auto in) { return std::move(in) | filter(above_three); };

TEST(Filter, NaNComparesFalse) {
  const auto nan_at_five = map([](double x) { return x == 5 ? std::nan("") : x; });
  EXPECT_EQ(marble("456|", [&](auto in) { return std::move(in) | nan_at_five | filter(above_three); }), "0:4 2:6 3:|");
  EXPECT_EQ(marble("456|", [&](auto in) { return std::move(in) | nan_at_five | filter(not_finite); }), "1:nan 3:|");
}

TEST(Filter, BetweenTakes) {
  EXPECT_EQ(marble("1526374|", [](auto in) { return std::move(in) | take(4) | filter(above_three); }), "1:5 3:6 3:|");
  EXPECT_EQ(marble("1526374|", [](auto in) { return std::move(in) | filter(above_three) | take(2); }), "1:5 3:6 3:|");
}

TEST(Filter, WindowsHoldWhatPasses) {
  EXPECT_EQ(marble("15263|", [](auto in) { return std::move(in) | filter(above_three) | window(count(2)) | sum(); }),
            "3:11 5:|");
  EXPECT_EQ(
      marble("15263|",
             [](auto in) { return std::move(in) | window(count(2)) | sum() | filter([](double x) { return x > 7; }); }),
      "3:8 5:|");
}

TEST(Filter, AsksOnceForEachValue) {
  int asked = 0;
  EXPECT_EQ(marble("152|", [&](auto in) { return std::move(in) | filter([&](double x) { return ++asked, x > 3; }); }),
            "1:5 3:|");
  EXPECT_EQ(asked, 3);
}

TEST(Filter, MayBeUnsubscribedOrFail) {
  EXPECT_EQ(unsubscribed("5!6|", big_ones), "5");
  EXPECT_EQ(drawn<1>({"-5#6|"}, big_ones), "-5#");
  EXPECT_EQ(drawn<1>({"-5-6|"},
                     [](auto in) { return std::move(in) | filter([](double x) { return x == 6 ? asked() : true; }); }),
            "-5-#");
}

TEST(Filter, AHandlerMayPublishWhatItListensTo) {
  EXPECT_EQ(answered(3, [](auto in) { return std::move(in) | filter([](double x) { return x != 11; }); }), "1 2 12 ");
}

TEST(Filter, GoesOnFromAnyCut) { expect_same_at_every_cut("filter", big_ones); }

TEST(Filter, DescribesItself) {
  EXPECT_EQ(described(big_ones)[3], "filter");
  EXPECT_EQ(described([](auto in) { return std::move(in) | filter(not_finite); })[3].substr(0, 6), "filter");
}

TEST(Filter, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(big_ones); }

}  // namespace
