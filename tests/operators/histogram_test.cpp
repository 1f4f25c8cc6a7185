#include "operators/statistics_cases.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Histogram, CountsEachBucketAndWhatLiesOutside) {
  HistogramCounts<4> seen;
  Bus bus({.thread = false});
  bus.on<Number>() | map(&Number::value) | window(count(11)) | histogram<4>(0, 2) |
      subscribe([&](const HistogramCounts<4>& h) { seen = h; });
  for (const double x : {0.0, 0.49, 0.5, 1.0, 1.999, 2.0, 2.001, -0.001, infinity, -infinity, no_number}) bus.publish(Number{x});
  bus.flush();
  EXPECT_EQ(seen.counts, (std::array<std::int64_t, 4>{2, 1, 1, 2}));
  EXPECT_EQ(seen.below, 2);
  EXPECT_EQ(seen.above, 2);
  EXPECT_EQ(seen.nan, 1);
}
TEST(Histogram, OverWindowsOfAllKinds) {
  const auto code = [](const HistogramCounts<3>& h) {
    return static_cast<double>(h.counts[0] + 10 * h.counts[1] + 100 * h.counts[2] + 1000 * h.below + 10'000 * h.above +
                               100'000 * h.nan);
  };
  const auto expected = [code](const Values& v) {
    HistogramCounts<3> h;
    for (const double x : v) {
      if (std::isnan(x))
        ++h.nan;
      else if (x < 1)
        ++h.below;
      else if (x > 3)
        ++h.above;
      else
        ++h.counts[std::min<std::size_t>(2, static_cast<std::size_t>((x - 1) * 3 / 2))];
    }
    return code(h);
  };
  compare([=](auto in) { return std::move(in) | window(count(3)) | histogram<3>(1, 3) | map(pure(code)); },
          of_windows(3, 3, true, expected));
  compare([=](auto in) { return std::move(in) | window(sliding(4)) | histogram<3>(1, 3) | map(pure(code)); },
          of_windows(4, 1, false, expected));
  compare([=](auto in) { return std::move(in) | window(growing()) | histogram<3>(1, 3) | map(pure(code)); },
          of_growing(expected));
}
// Rounding puts some quotients of these on the wrong side.
TEST(Histogram, AnEdgeBelongsToTheBucketThatItBegins) {
  constexpr double low = -0.3, high = 0.4, width = (high - low) / 10;
  const auto bucket_of = [&](double x) {
    Bus bus({.thread = false});
    HistogramCounts<10> seen;
    bus.on<Number>() | map(&Number::value) | window(count(1)) | histogram<10>(low, high) |
        subscribe([&](const HistogramCounts<10>& h) { seen = h; });
    bus.publish(Number{x});
    bus.flush();
    return std::find(seen.counts.begin(), seen.counts.end(), 1) - seen.counts.begin();
  };
  for (int n = 1; n < 10; ++n) {
    EXPECT_EQ(bucket_of(low + n * width), n);
    EXPECT_EQ(bucket_of(std::nextafter(low + n * width, -1)), n - 1);
  }
}
// From 1e16 on doubles are 2 apart: sixteen edges are one number.
TEST(Histogram, OfBucketsThatBeginAtOneNumberTheLastHasIt) {
  constexpr double low = 1e16, high = low + 8;
  for (const double x : {low, low + 2, low + 4, low + 6, high}) {
    std::size_t expected = 0;
    while (expected + 1 < 64 && low + static_cast<double>(expected + 1) * 0.125 <= x) ++expected;
    Bus bus({.thread = false});
    HistogramCounts<64> seen;
    bus.on<Number>() | map(&Number::value) | window(count(1)) | histogram<64>(low, high) | subscribe([&](const HistogramCounts<64>& h) { seen = h; });
    bus.publish(Number{x});
    bus.flush();
    EXPECT_EQ(static_cast<std::size_t>(std::find(seen.counts.begin(), seen.counts.end(), 1) - seen.counts.begin()), expected) << x - low;
  }
}
TEST(Histogram, RefusesWhatIsNoRange) {
  EXPECT_THROW((histogram<4>(1, 1)), OperatorError);
  EXPECT_THROW((histogram<4>(2, 1)), OperatorError);
  EXPECT_THROW((histogram<4>(no_number, 1)), OperatorError);
  EXPECT_THROW((histogram<4>(0, infinity)), OperatorError);
  EXPECT_THROW((histogram<4>(-1e308, 1e308)), OperatorError);
}

TEST(Histogram, DescribesItself) {
  EXPECT_EQ(described([](auto in) { return std::move(in) | window(count(2)) | histogram<2>(0, 4) | map([](const auto& h) { return static_cast<double>(h.nan); }); })[5],
            "histogram(0, 4)");
}

constexpr auto of_two_buckets = [](auto in) {
  return std::move(in) | window(count(2)) | histogram<2>(0, 4) | map([](const HistogramCounts<2>& h) { return static_cast<double>(10 * h.counts[0] + h.counts[1]); });
};
TEST(Histogram, OfNothingOneAndTheWindowThatIsOpenAtTheEnd) {
  EXPECT_EQ(marble("--|", of_two_buckets), "2:|");
  EXPECT_EQ(marble("1|", of_two_buckets), "1:10 1:|");
  EXPECT_EQ(marble("123|", of_two_buckets), "1:11 3:1 3:|");
}
TEST(Histogram, BetweenTakes) {
  EXPECT_EQ(marble("12345|", [](auto in) { return of_two_buckets(std::move(in) | take(3)); }), "1:11 2:1 2:|");
  EXPECT_EQ(marble("12345|", [](auto in) { return of_two_buckets(std::move(in)) | take(1); }), "1:11 1:|");
}
TEST(Histogram, MayBeUnsubscribedOrFail) {
  EXPECT_EQ(unsubscribed("12!3|", of_two_buckets), "11");
  EXPECT_EQ(drawn<1>({"-12#|"}, of_two_buckets), "--11#");
}
TEST(Histogram, AHandlerMayPublishWhatItListensTo) { EXPECT_EQ(answered(20, of_two_buckets), "11 0 "); }
TEST(Histogram, OfAMember) {
  Bus bus({.thread = false});
  HistogramCounts<2> seen;
  bus.on<Number>() | window(count(2)) | histogram<2>(0, 4, &Number::value) | subscribe([&](const HistogramCounts<2>& h) { seen = h; });
  bus.publish(Number{1});
  bus.publish(Number{3});
  bus.flush();
  EXPECT_EQ(seen.counts, (std::array<std::int64_t, 2>{1, 1}));
}

TEST(Histogram, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(of_two_buckets); }

}  // namespace
