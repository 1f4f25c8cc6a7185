#include "operators/stream.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

template <class Build>
std::vector<double> out_of(const std::vector<double>& in, Build build) {
  Driven driven(build);
  Moments stream;
  for (const double x : in) stream.push_back({0, x});
  driven.run(stream.data(), stream.data() + stream.size(), 8);
  return driven.output;
}
const auto slide = [](auto statistic) {
  return [statistic](auto in) { return std::move(in) | window(sliding(2)) | statistic; };
};
const auto tumble = [](auto statistic) {
  return [statistic](auto in) { return std::move(in) | window(count(2)) | statistic; };
};

TEST(Statistics, OfTumblingWindows) {
  EXPECT_EQ(out_of({1, 3, 5, 9}, tumble(mean())), (std::vector<double>{2, 7}));
  EXPECT_EQ(out_of({1, 3, 5, 9}, tumble(sum())), (std::vector<double>{4, 14}));
  EXPECT_EQ(out_of({1, 3, 5, 9}, tumble(variance())), (std::vector<double>{1, 4}));
  EXPECT_EQ(out_of({1, 3, 5, 9}, tumble(standard_deviation())), (std::vector<double>{1, 2}));
  EXPECT_EQ(out_of({3, 1, 2, 5}, tumble(min_of())), (std::vector<double>{1, 2}));
  EXPECT_EQ(out_of({3, 1, 2, 5}, tumble(max_of())), (std::vector<double>{3, 5}));
}

TEST(Statistics, OfSlidingWindows) {
  EXPECT_EQ(out_of({1, 3, 5, 9}, slide(mean())), (std::vector<double>{2, 4, 7}));
  EXPECT_EQ(out_of({1, 3, 5, 9}, slide(sum())), (std::vector<double>{4, 8, 14}));
  EXPECT_EQ(out_of({1, 3, 5, 9}, slide(variance())), (std::vector<double>{1, 1, 4}));
  EXPECT_EQ(out_of({1, 3, 5, 9}, slide(standard_deviation())), (std::vector<double>{1, 1, 2}));
  EXPECT_EQ(out_of({3, 1, 2, 5}, slide(min_of())), (std::vector<double>{1, 1, 2}));
  EXPECT_EQ(out_of({3, 1, 2, 5}, slide(max_of())), (std::vector<double>{3, 2, 5}));
}

TEST(Statistics, OfAMember) {
  Bus bus({.thread = false});
  std::vector<double> seen;
  bus.on<BatchEnd>() | window(count(2)) | mean(&BatchEnd::loss) | subscribe([&](double x) { seen.push_back(x); });
  bus.on<BatchEnd>() | window(count(2)) | sum(&BatchEnd::samples) | subscribe([&](double x) { seen.push_back(x); });
  bus.publish(BatchEnd{.step = 1, .loss = 1, .learning_rate = 0, .accuracy = 0, .epoch = 1, .batch = 1, .samples = 3});
  bus.publish(BatchEnd{.step = 2, .loss = 2, .learning_rate = 0, .accuracy = 0, .epoch = 1, .batch = 2, .samples = 4});
  bus.flush();
  EXPECT_EQ(seen, (std::vector<double>{1.5, 7}));
}

TEST(Statistics, WhatIsNotFiniteTouchesItsOwnWindowsAlone) {
  const std::vector<double> with_nan{1, nan, 3, 5}, with_inf{1, HUGE_VAL, 3, 5}, both{HUGE_VAL, -HUGE_VAL, 3, 5};
  for (const auto& result : {out_of(with_nan, slide(mean())), out_of(with_nan, slide(min_of())),
                             out_of(with_nan, slide(max_of())), out_of(with_nan, slide(variance()))}) {
    EXPECT_TRUE(std::isnan(result[0]));
    EXPECT_TRUE(std::isnan(result[1]));
    EXPECT_FALSE(std::isnan(result[2]));
  }
  EXPECT_EQ(out_of(with_inf, slide(mean())), (std::vector<double>{HUGE_VAL, HUGE_VAL, 4}));
  EXPECT_EQ(out_of(with_inf, slide(max_of())), (std::vector<double>{HUGE_VAL, HUGE_VAL, 5}));
  EXPECT_TRUE(std::isnan(out_of(both, slide(sum()))[0]));
  EXPECT_EQ(out_of(both, slide(sum()))[2], 8);
  EXPECT_TRUE(std::isnan(out_of(with_nan, tumble(min_of()))[0]));
  EXPECT_EQ(out_of(with_nan, tumble(min_of()))[1], 3);
}

// The sum of a window that has slid a million times over numbers of very different size is still that of its values.
TEST(Statistics, SlidingSumsDoNotDrift) {
  sidestep::detail::SlidingSum sum;
  std::mt19937_64 random(3);
  std::vector<double> ring(64, 0.0);
  for (int i = 0; i < 1'000'000; ++i) {
    double& place = ring[static_cast<std::size_t>(i) % ring.size()];
    sum.leave(place);
    place = std::ldexp(static_cast<double>(static_cast<std::int64_t>(random())), static_cast<int>(random() % 60) - 90);
    sum.enter(place);
  }
  long double exact = 0;
  for (const double x : ring) exact += x;
  EXPECT_NEAR(sum.value(), static_cast<double>(exact), std::abs(static_cast<double>(exact)) * 1e-12);
  for (double& x : ring) sum.leave(x), x = 1, sum.enter(x);
  EXPECT_NEAR(sum.value(), 64, 1e-9);
}

TEST(Statistics, VarianceOfNumbersFarFromZero) {
  std::vector<double> values;
  for (int i = 0; i < 6; ++i) values.push_back(1e9 + (i % 2));
  for (const double x : out_of(values, slide(variance()))) EXPECT_DOUBLE_EQ(x, 0.25);
  for (const double x : out_of(values, tumble(variance()))) EXPECT_DOUBLE_EQ(x, 0.25);
}

}  // namespace
