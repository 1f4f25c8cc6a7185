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
  for (const double x : {0.0, 0.49, 0.5, 1.0, 1.999, 2.0, 2.001, -0.001, infinity, -infinity, no_number})
    bus.publish(Number{x});
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
// Far from 0 a thousand edges may be one number. The bucket is the last whose edge isn't above the value, however many
// begin there.
template <std::size_t N>
std::vector<std::int64_t> buckets_of(double low, double high, const Values& values) {
  std::vector<std::int64_t> buckets;
  for (const double x : values) {
    const auto seen =
        over(Values{x}, [=](auto in) { return std::move(in) | window(count(1)) | histogram<N>(low, high); });
    const auto& counts = seen.at(0).counts;
    buckets.push_back(std::find(counts.begin(), counts.end(), 1) - counts.begin());
  }
  return buckets;
}
TEST(Histogram, OfManyEdgesThatAreOneNumberTheLastBucketHasIt) {
  constexpr std::size_t n = 1000;
  constexpr double least = std::numeric_limits<double>::denorm_min(), epsilon = std::numeric_limits<double>::epsilon();
  for (const auto& [low, high] : std::vector<std::pair<double, double>>{
           {1e16, 1e16 + 8}, {-1e16 - 8, -1e16}, {0, 4 * least}, {1, 1 + 6 * epsilon}}) {
    const double width = (high - low) / static_cast<double>(n);
    Values values;
    for (double x = low; x <= high; x = std::nextafter(x, infinity)) values.push_back(x);
    std::vector<std::int64_t> expected;
    for (const double x : values) {
      std::int64_t last = 0;
      for (std::size_t i = 1; i < n; ++i)
        if (low + static_cast<double>(i) * width <= x) last = static_cast<std::int64_t>(i);
      expected.push_back(last);
    }
    EXPECT_GT(values.size(), 3u);
    EXPECT_EQ(buckets_of<n>(low, high, values), expected) << low;
  }
}
// As much time as any other value, within a generous factor: by steps from edge to edge it is some thousand times as
// much.
TEST(Histogram, TakesNoLongerWhereManyEdgesAreOneNumber) {
  constexpr std::size_t buckets = 65'536, n = 2'000;
  const auto cost = [](double low, double high) {
    Values values;
    for (std::size_t i = 0; i < n; ++i) values.push_back(low + (high - low) * 0.25 * static_cast<double>(1 + i % 3));
    auto kernel = std::make_unique<detail::HistogramOf<buckets>::Kernel<false>>(low, high);
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (int round = 0; round < 5; ++round) {
      const auto begin = std::chrono::steady_clock::now();
      for (const double x : values) kernel->enter(x);
      least = std::min<std::int64_t>(least, (std::chrono::steady_clock::now() - begin).count());
    }
    EXPECT_EQ(kernel->n, 5 * static_cast<std::int64_t>(n));
    return least;
  };
  EXPECT_LT(cost(1e16, 1e16 + 8), 200 * cost(0, 1));
}

// What it emits is a value as any other: it may be kept, and handed to another thread.
TEST(Histogram, MayStandBeforeWhatKeepsAValue) {
  const auto first_counts = [](auto behind) {
    ManualClock clock;
    Bus bus({.clock = &clock, .thread = false});
    std::vector<std::array<std::int64_t, 2>> seen;
    const Handle handle = behind(bus.on<Number>() | map(&Number::value) | window(count(2)) | histogram<2>(0, 4)) |
                          subscribe([&](const HistogramCounts<2>& h) { seen.push_back(h.counts); });
    for (const double x : {1.0, 3.0, 1.0, 1.0}) bus.publish(Number{x});
    bus.close();
    EXPECT_FALSE(handle->failed()) << handle->error();
    return seen;
  };
  using Seen = std::vector<std::array<std::int64_t, 2>>;
  const Seen both{{1, 1}, {2, 0}};
  EXPECT_EQ(first_counts([](auto in) { return std::move(in) | observe_on(io); }), both);
  EXPECT_EQ(first_counts([](auto in) { return std::move(in) | take_last(2); }), both);
  EXPECT_EQ(first_counts([](auto in) { return std::move(in) | debounce(1s); }), (Seen{{2, 0}}));
  EXPECT_EQ(first_counts([](auto in) { return std::move(in) | start_with(HistogramCounts<2>{}); }),
            (Seen{{0, 0}, {1, 1}, {2, 0}}));
  const auto all =
      over(Values{1, 3, 1, 1}, [](auto in) { return std::move(in) | window(count(2)) | histogram<2>(0, 4); });
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ((Seen{all[0].counts, all[1].counts}), both);
}

TEST(Histogram, RefusesWhatIsNoRange) {
  EXPECT_THROW((histogram<4>(1, 1)), OperatorError);
  EXPECT_THROW((histogram<4>(2, 1)), OperatorError);
  EXPECT_THROW((histogram<4>(no_number, 1)), OperatorError);
  EXPECT_THROW((histogram<4>(0, infinity)), OperatorError);
  EXPECT_THROW((histogram<4>(-1e308, 1e308)), OperatorError);
}

TEST(Histogram, DescribesItself) {
  EXPECT_EQ(described([](auto in) {
              return std::move(in) | window(count(2)) | histogram<2>(0, 4) |
                     map([](const auto& h) { return static_cast<double>(h.nan); });
            })[5],
            "histogram(0, 4)");
}

constexpr auto of_two_buckets = [](auto in) {
  return std::move(in) | window(count(2)) | histogram<2>(0, 4) |
         map([](const HistogramCounts<2>& h) { return static_cast<double>(10 * h.counts[0] + h.counts[1]); });
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
  bus.on<Number>() | window(count(2)) | histogram<2>(0, 4, &Number::value) |
      subscribe([&](const HistogramCounts<2>& h) { seen = h; });
  bus.publish(Number{1});
  bus.publish(Number{3});
  bus.flush();
  EXPECT_EQ(seen.counts, (std::array<std::int64_t, 2>{1, 1}));
}

TEST(Histogram, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(of_two_buckets); }

}  // namespace
