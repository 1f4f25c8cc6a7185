// The statistics of windows against exact references, over streams that are hard on them.
#include "operators/cut.hpp"
#include "operators/reference.hpp"
#include "operators/statistics_reference.hpp"

#include <gtest/gtest.h>

#include <map>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;
using sidestep::detail::Buckets;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

template <class Build>
Values out_of(const Values& in, Build build, Nanoseconds apart = 0) {
  Moments stream;
  for (const double x : in) stream.push_back({static_cast<Nanoseconds>(stream.size()) * apart, x});
  return output_of(build, stream, 16);
}
/// EXPECT_EQ of values, where NaN equals itself.
void expect_values(const Values& values, const Values& expected) {
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_TRUE(values[i] == expected[i] || (std::isnan(values[i]) && std::isnan(expected[i])))
        << "value " << i << ": " << values[i] << ", not " << expected[i];
}

using Reduce = std::function<double(const Values&)>;
/// Of tumbling windows (step = n, and what is left at the end), and of those that slide.
Reference of_windows(std::size_t n, std::size_t step, bool partial, Reduce reduce) {
  return [=](const Moments& stream) {
    const Values all = values_of(stream);
    Values out;
    for (std::size_t from = 0; from < all.size(); from += step) {
      if (from + n > all.size() && !partial) break;
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(from);
      out.push_back(reduce(Values(begin, all.begin() + static_cast<std::ptrdiff_t>(std::min(from + n, all.size())))));
    }
    return out;
  };
}
Reference of_growing(Reduce reduce) {
  return [=](const Moments& stream) {
    Values out, so_far;
    for (const double x : values_of(stream)) {
      so_far.push_back(x);
      out.push_back(reduce(so_far));
    }
    return out;
  };
}
/// A statistic over windows of all kinds.
template <class Statistic>
void compare_over_windows(Statistic statistic, const Reduce& reduce) {
  compare([=](auto in) { return std::move(in) | window(count(3)) | statistic(); }, of_windows(3, 3, true, reduce));
  compare([=](auto in) { return std::move(in) | window(sliding(4)) | statistic(); }, of_windows(4, 1, false, reduce));
  compare([=](auto in) { return std::move(in) | window(sliding(5, 3)) | statistic(); },
          of_windows(5, 3, false, reduce));
  compare([=](auto in) { return std::move(in) | window(sliding(2, 3)) | statistic(); },
          of_windows(2, 3, false, reduce));
  compare([=](auto in) { return std::move(in) | window(growing()) | statistic(); }, of_growing(reduce));
}

/// Streams that are hard on statistics, by name.
const std::map<std::string, Values>& hard_streams() {
  static const std::map<std::string, Values> streams = [] {
    std::map<std::string, Values> made;
    std::mt19937_64 random(17);
    std::normal_distribution<double> normal;
    constexpr int length = 1200;
    for (int i = 0; i < length; ++i) {
      const double noise = normal(random);
      made["constant"].push_back(0.1);
      made["great constant"].push_back(1e16 + 2);
      made["1e16 + small"].push_back(1e16 + 2 * static_cast<double>(random() % 4));
      made["far from 0"].push_back(1e9 + noise);
      made["alternating signs"].push_back((i % 2 == 0 ? 1 : -1) * (1e15 + static_cast<double>(i % 7)));
      made["denormal"].push_back(std::numeric_limits<double>::denorm_min() * static_cast<double>(random() % 1000));
      made["rising"].push_back(static_cast<double>(i) * 0.1);
      made["falling"].push_back(static_cast<double>(-i) * 0.1);
      made["noise"].push_back(noise);
      made["one that is huge"].push_back(i == 300 ? 1e16 : noise);
      made["of any size"].push_back(std::ldexp(noise, static_cast<int>(random() % 60)));
      made["not finite"].push_back(random() % 100 == 0   ? nan
                                   : random() % 100 == 0 ? inf
                                   : random() % 100 == 0 ? -inf
                                                         : noise);
    }
    return made;
  }();
  return streams;
}
/// The window of n values that ends at `last`, and what its error may be compared with: the greatest distance from its
/// mean of the values of three windows.
struct At {
  Values window;
  double distance = 0, greatest = 0;
};
At at(const Values& stream, std::size_t last, std::size_t n) {
  At there;
  there.window.assign(stream.begin() + static_cast<std::ptrdiff_t>(last + 1 - n),
                      stream.begin() + static_cast<std::ptrdiff_t>(last + 1));
  const double mean = exactly::mean(there.window);
  for (std::size_t i = last + 1 < 3 * n ? 0 : last + 1 - 3 * n; i <= last; ++i) {
    if (!std::isfinite(stream[i])) continue;
    there.distance = std::max(there.distance, std::abs(stream[i] - mean));
    there.greatest = std::max(there.greatest, std::abs(stream[i]));
  }
  return there;
}
/// Over windows that slide, after each value: not further off than `error` says.
template <class Statistic>
void expect_exact(Statistic statistic, double (*exact)(const Values&), double (*error)(double exact, const At& at)) {
  for (const auto& [name, stream] : hard_streams()) {
    for (const std::size_t n : {2U, 7U, 64U, 200U}) {
      const Values out = out_of(
          stream, [=](auto in) { return std::move(in) | window(sliding(static_cast<std::int64_t>(n))) | statistic(); });
      ASSERT_EQ(out.size(), stream.size() + 1 - n);
      for (std::size_t i = 0; i < out.size(); i += 1 + n / 16) {
        const At here = at(stream, i + n - 1, n);
        const double expected = exact(here.window);
        if (std::isnan(expected) || std::isinf(expected)) {
          ASSERT_EQ(std::isnan(out[i]), std::isnan(expected)) << name << ", n = " << n << ", window " << i;
          if (!std::isnan(expected)) {
            ASSERT_EQ(out[i], expected) << name;
          }
          continue;
        }
        ASSERT_LE(std::abs(out[i] - expected), error(expected, here))
            << name << ", n = " << n << ", window " << i << ": " << out[i] << " for " << expected;
      }
    }
  }
}

TEST(Exact, SlidingSums) {
  expect_exact([] { return sum(); }, exactly::sum,
               [](double s, const At& a) { return 2.3e-16 * std::abs(s) + 1e-28 * a.greatest; });
}
TEST(Exact, SlidingMeans) {
  expect_exact([] { return mean(); }, exactly::mean,
               [](double m, const At& a) {
                 return 4.5e-16 * std::abs(m) + 1e-28 * a.greatest + std::numeric_limits<double>::denorm_min();
               });
}
TEST(Exact, SlidingVariances) {
  expect_exact([] { return variance(); }, exactly::variance,
               [](double v, const At& a) {
                 return 1e-14 * v + 2e-15 * a.distance * a.distance + std::numeric_limits<double>::min();
               });
}
TEST(Exact, SlidingSlopes) {
  expect_exact([] { return slope(); }, exactly::slope,
               [](double s, const At& a) {
                 return 1e-14 * std::abs(s) + 4e-15 * a.distance + std::numeric_limits<double>::min();
               });
}
TEST(Exact, SlidingExtremes) {
  expect_exact([] { return min_of(); }, exactly::least, [](double, const At&) { return 0.0; });
  expect_exact([] { return max_of(); }, exactly::greatest, [](double, const At&) { return 0.0; });
}
TEST(Exact, SlidingQuantilesWithin1In256) {
  const auto error = [](double q, const At&) { return std::abs(q) / 256 + std::ldexp(1.0, -1029); };
  expect_exact([] { return quantile(0.5); }, [](const Values& v) { return exactly::quantile(v, 0.5); }, error);
  expect_exact([] { return p99(); }, [](const Values& v) { return exactly::quantile(v, 0.99); }, error);
  expect_exact([] { return quantile(0); }, exactly::least, error);
  expect_exact([] { return quantile(1); }, exactly::greatest, error);
}

// What a sum of 1,200 values has left of each of them.
TEST(Exact, SumsOfTumblingAndGrowingWindows) {
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
  expect_values(out_of({inf, 1, -inf, 1, inf, -inf, nan, 1, 1, 2}, of_two), {inf, -inf, nan, nan, 3});
  expect_values(out_of({1e308, 1e308, 1, 1}, of_two), {inf, 2});
}
TEST(Sum, ThatOverflowsIsWholeAgainWhenAllHasLeft) {
  const Values out =
      out_of({1e308, 1e308, 1, 1, 1, 1, 1, 1}, [](auto in) { return std::move(in) | window(sliding(2)) | sum(); });
  EXPECT_EQ(out.front(), inf);
  EXPECT_EQ(out.back(), 2);
}

TEST(Variance, ForgetsWhatWasHuge) {
  Values stream(50, 1e200);
  for (int i = 0; i < 20; ++i) stream.push_back(i % 2);
  const Values out = out_of(stream, [](auto in) { return std::move(in) | window(sliding(4)) | variance(); });
  EXPECT_EQ(out.back(), 0.25);
  EXPECT_EQ(out_of({-1e200, 1e200}, [](auto in) { return std::move(in) | window(count(2)) | variance(); }),
            (Values{inf}));
  EXPECT_EQ(out_of({-1e200, 1e200}, [](auto in) { return std::move(in) | window(sliding(2)) | variance(); }),
            (Values{inf}));
}

TEST(Count, OverWindowsOfAllKinds) {
  compare_over_windows([] { return count(); }, [](const Values& v) { return static_cast<double>(v.size()); });
}
TEST(Count, OfAnIntervalOfTime) {
  EXPECT_EQ(marble("-12--3---|", [](auto in) { return std::move(in) | window(sidestep::time(4ns)) | count(); }),
            "4:2 8:1 9:|");
}
TEST(Count, OfWhateverIsInTheWindow) {
  Bus bus({.thread = false});
  std::vector<std::int64_t> seen;
  bus.on<BatchEnd, EpochEnd>() | window(count(3)) | count() | subscribe([&](std::int64_t n) { seen.push_back(n); });
  for (int i = 0; i < 4; ++i) bus.publish(BatchEnd{});
  bus.publish(EpochEnd{});
  bus.close();
  EXPECT_EQ(seen, (std::vector<std::int64_t>{3, 2}));
}

TEST(Growing, EmitsAfterEachValueAndNothingAtTheEnd) {
  EXPECT_EQ(marble("-12--3-|", [](auto in) { return std::move(in) | window(growing()) | sum(); }), "1:1 2:3 5:6 7:|");
  EXPECT_EQ(marble("--|", [](auto in) { return std::move(in) | window(growing()) | sum(); }), "2:|");
}
TEST(Growing, EachStatistic) {
  compare([](auto in) { return std::move(in) | window(growing()) | mean(); }, of_growing(exactly::mean));
  compare([](auto in) { return std::move(in) | window(growing()) | sum(); }, of_growing(exactly::sum));
  compare([](auto in) { return std::move(in) | window(growing()) | variance(); }, of_growing(exactly::variance));
  compare([](auto in) { return std::move(in) | window(growing()) | min_of(); }, of_growing(exactly::least));
  compare([](auto in) { return std::move(in) | window(growing()) | max_of(); }, of_growing(exactly::greatest));
}
TEST(Growing, DoesNotDependOnClocks) {
  Driven grows([](auto in) { return std::move(in) | window(growing()) | mean(); });
  EXPECT_FALSE(grows.handle()->options().wall_time);
}

TEST(Slope, OverWindowsOfAllKinds) {
  compare_over_windows([] { return slope(); }, exactly::slope);
}
TEST(Slope, OfOneValueOrWhatIsNotFiniteIsNan) {
  const auto tumbling = [](auto in) { return std::move(in) | window(count(3)) | slope(); };
  expect_values(out_of({1, 3, 5, nan, 1, 2, 1, 2, inf, 7}, tumbling), {2, nan, nan, nan});
  expect_values(out_of({1, inf, 5, 7, 9}, [](auto in) { return std::move(in) | window(sliding(2)) | slope(); }),
                {nan, nan, 2, 2});
}

// An operator's chain says of the values that it doesn't sort what their ranks are; that a bucket is narrow is another
// test's.
double bucketed(const Values& v, double q) {
  const double exact = exactly::quantile(v, q);
  return std::isnan(exact) ? exact : Buckets<std::uint32_t>::value(Buckets<std::uint32_t>::key(exact));
}
TEST(Quantile, OverWindowsOfAllKinds) {
  for (const double q : {0.3, 0.99})
    compare_over_windows([q] { return quantile(q); }, [q](const Values& v) { return bucketed(v, q); });
}
TEST(Quantile, IsWithin1In256OfAnyNumber) {
  std::mt19937_64 random(23);
  const auto check = [](double x) {
    const double out = Buckets<std::uint32_t>::value(Buckets<std::uint32_t>::key(x));
    ASSERT_LE(std::abs(out - x),
              std::abs(x) < std::numeric_limits<double>::min() ? std::ldexp(1.0, -1029) : std::abs(x) / 256)
        << x;
  };
  for (int i = 0; i < 200'000; ++i) {
    const double x = std::bit_cast<double>(random());
    if (std::isfinite(x)) check(x);
  }
  for (double x = 1; x < 2; x += 1.0 / 1024)
    check(x), check(-x), check(std::nextafter(x, 3)), check(std::nextafter(x, 0));
  check(std::numeric_limits<double>::max());
  check(std::numeric_limits<double>::min());
  check(std::numeric_limits<double>::denorm_min());
  for (const double x : {0.0, inf, -inf}) EXPECT_EQ(Buckets<std::uint32_t>::value(Buckets<std::uint32_t>::key(x)), x);
  EXPECT_FALSE(std::signbit(Buckets<std::uint32_t>::value(Buckets<std::uint32_t>::key(-0.0))));
}
TEST(Quantile, KeysAreInTheOrderOfTheNumbers) {
  std::mt19937_64 random(29);
  for (int i = 0; i < 100'000; ++i) {
    const double a = std::bit_cast<double>(random()), b = std::bit_cast<double>(random());
    if (a < b) {
      ASSERT_LE(Buckets<std::uint32_t>::key(a), Buckets<std::uint32_t>::key(b)) << a << ' ' << b;
    }
  }
}
// The quantile jumps over all that is between at each value.
TEST(Quantile, JumpsFromOneEndOfTheNumbersToTheOther) {
  Values stream;
  for (int i = 0; i < 400; ++i) stream.push_back(i % 4 < 2 ? -1e300 : 1e300);
  const Values out = out_of(stream, [](auto in) { return std::move(in) | window(sliding(3)) | median(); });
  for (std::size_t i = 0; i < out.size(); ++i)
    ASSERT_EQ(out[i], bucketed(Values(stream.begin() + static_cast<std::ptrdiff_t>(i),
                                      stream.begin() + static_cast<std::ptrdiff_t>(i + 3)),
                               0.5))
        << i;
}
TEST(Quantile, NextAndPreviousBucketsAreThoseThatHoldSomething) {
  std::mt19937_64 random(31);
  for (int round = 0; round < 50; ++round) {
    Buckets<std::uint32_t> buckets;
    std::map<std::uint32_t, std::uint32_t> counts;
    const std::uint32_t spread = round % 2 == 0 ? buckets.size : 300;
    for (int i = 0; i < 200; ++i) {
      const auto key = static_cast<std::uint32_t>(random() % spread);
      if (random() % 3 == 0) {
        ASSERT_EQ(buckets.remove(key), counts.count(key) > 0);
        if (counts.count(key) > 0 && --counts[key] == 0) counts.erase(key);
      } else {
        buckets.add(key), ++counts[key];
      }
      const auto from = static_cast<std::uint32_t>(random() % spread);
      const auto above = counts.upper_bound(from), here = counts.lower_bound(from);
      ASSERT_EQ(buckets.above(from), above == counts.end() ? buckets.none : above->first);
      ASSERT_EQ(buckets.below(from), here == counts.begin() ? buckets.none : std::prev(here)->first);
    }
    buckets.clear();
    ASSERT_EQ(buckets.least(), buckets.none);
  }
}
TEST(Quantile, RefusesWhatIsNoPart) {
  EXPECT_THROW(quantile(-0.1), OperatorError);
  EXPECT_THROW(quantile(1.1), OperatorError);
  EXPECT_THROW(quantile{nan}, OperatorError);
  try {
    quantile(1.5);
  } catch (const OperatorError& error) {
    EXPECT_STREQ(error.what(), "quantile(1.5): q must be from 0 to 1");
  }
}

TEST(Histogram, CountsEachBucketAndWhatLiesOutside) {
  HistogramCounts<4> seen;
  Bus bus({.thread = false});
  bus.on<Number>() | map(&Number::value) | window(count(11)) | histogram<4>(0, 2) |
      subscribe([&](const HistogramCounts<4>& h) { seen = h; });
  for (const double x : {0.0, 0.49, 0.5, 1.0, 1.999, 2.0, 2.001, -0.001, inf, -inf, nan}) bus.publish(Number{x});
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
TEST(Histogram, RefusesWhatIsNoRange) {
  EXPECT_THROW((histogram<4>(1, 1)), OperatorError);
  EXPECT_THROW((histogram<4>(2, 1)), OperatorError);
  EXPECT_THROW((histogram<4>(nan, 1)), OperatorError);
  EXPECT_THROW((histogram<4>(0, inf)), OperatorError);
  EXPECT_THROW((histogram<4>(-1e308, 1e308)), OperatorError);
}

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
TEST(Plateau, RefusesWhatNothingIsLessThan) {
  EXPECT_THROW(plateau(0), OperatorError);
  EXPECT_THROW(plateau(-1), OperatorError);
  EXPECT_THROW(plateau{nan}, OperatorError);
}

TEST(Rate, OfWindowsOfACount) {
  const auto in_ns = [](const Moments& s, std::size_t n, std::size_t step, bool partial) {
    Values out;
    Moments all;
    Nanoseconds newest = std::numeric_limits<Nanoseconds>::min();
    for (const Moment& m : s)
      if (m.value) all.push_back({newest = std::max(newest, m.at), m.value});
    for (std::size_t from = 0; from < all.size() && (partial || from + n <= all.size()); from += step) {
      const std::size_t last = std::min(from + n, all.size()) - 1;
      out.push_back(last == from ? nan
                                 : static_cast<double>(last - from) / static_cast<double>(all[last].at - all[from].at));
    }
    return out;
  };
  const auto per_ns = map([](double x) { return std::isinf(x) ? 1e3 : x / 1e9; });
  const auto without_infinity = [](Values v) {
    for (double& x : v)
      if (std::isinf(x)) x = 1e3;
    return v;
  };
  compare([=](auto in) { return std::move(in) | window(count(3)) | rate() | per_ns; },
          [=](const Moments& s) { return without_infinity(in_ns(s, 3, 3, true)); });
  compare([=](auto in) { return std::move(in) | window(sliding(4)) | rate() | per_ns; },
          [=](const Moments& s) { return without_infinity(in_ns(s, 4, 1, false)); });
  compare([=](auto in) { return std::move(in) | window(sliding(2, 3)) | rate() | per_ns; },
          [=](const Moments& s) { return without_infinity(in_ns(s, 2, 3, false)); });
}
TEST(Rate, OfIntervalsIsByTheirLength) {
  EXPECT_EQ(marble("-12----3--4-|",
                   [](auto in) {
                     return std::move(in) | window(sidestep::time(4ns)) | rate() |
                            map([](double x) { return x / 2.5e8; });
                   }),
            "4:2 8:1 12:1 12:|");
  EXPECT_EQ(marble("-12-|", [](auto in) { return std::move(in) | window(sidestep::time(8ns)) | rate(); }), "4:|");
}
TEST(Rate, OfSessionsAndSlidingTimes) {
  EXPECT_EQ(marble("-1-2------34--|",
                   [](auto in) {
                     return std::move(in) | window(session(4ns)) | rate() | map([](double x) { return x / 1e8; });
                   }),
            "7:5 14:10 14:|");
  EXPECT_EQ(marble("-1-2---3----|",
                   [](auto in) {
                     return std::move(in) | window(sliding_time(8ns, 4ns)) | rate() |
                            map([](double x) { return x / 1e8; });
                   }),
            "4:5 8:3.33333 12:nan 12:|");
}
TEST(Rate, AnEarlierStampCountsAsOfTheNewest) {
  const Moments stream{{10, 1.0}, {7, 2.0}, {20, 3.0}, {12, 4.0}, {30, 5.0}};
  const auto out = [&](auto spec) {
    return output_of([=](auto in) { return std::move(in) | window(spec) | rate(); }, stream, 8);
  };
  EXPECT_EQ(out(sliding(3)), (Values{2e8, 2e8, 2e8}));
  EXPECT_EQ(out(sliding(2)), (Values{inf, 1e8, inf, 1e8}));
  expect_values(out(count(2)), {inf, inf, nan});
}
TEST(Rate, DependsOnClocks) {
  Driven driven([](auto in) { return std::move(in) | window(count(3)) | rate(); });
  EXPECT_TRUE(driven.handle()->options().wall_time);
}

TEST(Stats, AreThoseThatEachGivesAlone) {
  const auto all = [] { return stats(mean(), variance(), min_of(), max_of(), quantile(0.99), count(), slope()); };
  for (const auto& named_stream : hard_streams()) {
    const Values& stream = named_stream.second;
    const auto nth = [&](auto spec, std::size_t i) {
      return out_of(stream, [=](auto in) {
        return std::move(in) | window(spec) | all() | map(pure([i](const std::array<double, 7>& a) { return a[i]; }));
      });
    };
    const auto expect_all = [&](auto spec) {
      expect_values(nth(spec, 0), out_of(stream, [=](auto in) { return std::move(in) | window(spec) | mean(); }));
      expect_values(nth(spec, 1), out_of(stream, [=](auto in) { return std::move(in) | window(spec) | variance(); }));
      expect_values(nth(spec, 2), out_of(stream, [=](auto in) { return std::move(in) | window(spec) | min_of(); }));
      expect_values(nth(spec, 3), out_of(stream, [=](auto in) { return std::move(in) | window(spec) | max_of(); }));
      expect_values(nth(spec, 4), out_of(stream, [=](auto in) { return std::move(in) | window(spec) | p99(); }));
      expect_values(nth(spec, 5), out_of(stream, [=](auto in) { return std::move(in) | window(spec) | count(); }));
      expect_values(nth(spec, 6), out_of(stream, [=](auto in) { return std::move(in) | window(spec) | slope(); }));
    };
    expect_all(count(50));
    expect_all(sliding(50));
    expect_all(sliding(30, 7));
    expect_all(sliding(5, 7));
    expect_all(growing());
  }
}
TEST(Stats, EachOfItsOwnMember) {
  Bus bus({.thread = false});
  std::vector<std::array<double, 2>> seen;
  const Handle handle = bus.on<BatchEnd>() | window(sliding(2)) |
                        stats(mean(&BatchEnd::loss), max_of(&BatchEnd::samples)) |
                        subscribe([&](const std::array<double, 2>& a) { seen.push_back(a); });
  for (std::int32_t i = 1; i <= 3; ++i) bus.publish(BatchEnd{.loss = static_cast<double>(i), .samples = 10 * i});
  bus.flush();
  EXPECT_EQ(seen, (std::vector<std::array<double, 2>>{{1.5, 20}, {2.5, 30}}));
  const std::vector<std::string> lines = handle->pipeline().describe();
  EXPECT_NE(std::find(lines.begin(), lines.end(), "stats(mean, max_of)"), lines.end());
}
TEST(Stats, OfTheWindowThatIsOpenAtTheEnd) {
  EXPECT_EQ(out_of({1, 2, 6},
                   [](auto in) {
                     return std::move(in) | window(count(2)) | stats(sum(), count()) |
                            map([](const auto& a) { return a[0] * 10 + a[1]; });
                   }),
            (Values{32, 61}));
  EXPECT_EQ(out_of({},
                   [](auto in) {
                     return std::move(in) | window(count(2)) | stats(sum(), count()) |
                            map([](const auto& a) { return a[0]; });
                   }),
            Values{});
}

// A window of time whose length in values changes: what has left is gone from each statistic.
TEST(Stats, OfWindowsOfTimeThatSlide) {
  std::mt19937_64 random(37);
  Moments stream;
  Nanoseconds now = 0;
  for (int i = 0; i < 3000; ++i) {
    now += static_cast<Nanoseconds>(random() % 1000 == 0 ? 500 : random() % 3);
    stream.push_back({now, static_cast<double>(random() % 1000)});
  }
  const auto all = [&](std::size_t i) {
    return output_of(
        [i](auto in) {
          return std::move(in) | window(sliding_time(200ns, 10ns)) |
                 stats(min_of(), max_of(), median(), sum(), variance(), slope()) |
                 map(pure([i](const std::array<double, 6>& a) { return a[i]; }));
        },
        stream, 16);
  };
  std::vector<Values> expected(6);
  for (Nanoseconds end = 10; end < now + 200; end += 10) {
    Values v;
    for (const Moment& m : stream)
      if (m.at >= end - 200 && m.at < end) v.push_back(*m.value);
    if (v.empty()) continue;
    const double each[] = {exactly::least(v), exactly::greatest(v), bucketed(v, 0.5),
                           exactly::sum(v),   exactly::variance(v), exactly::slope(v)};
    for (std::size_t i = 0; i < 6; ++i) expected[i].push_back(each[i]);
  }
  for (std::size_t i = 0; i < 6; ++i) {
    const Values out = all(i);
    ASSERT_EQ(out.size(), expected[i].size());
    for (std::size_t k = 0; k < out.size(); ++k)
      if (!std::isnan(expected[i][k])) {
        ASSERT_NEAR(out[k], expected[i][k], 1e-9 * (1 + std::abs(expected[i][k])))
            << "statistic " << i << ", window " << k;
      }
  }
}

/// Name and chain of each statistic with a state.
template <class F>
void for_each_statistic(F f) {
  f("count", [](auto in) { return std::move(in) | window(sliding(3)) | count(); });
  f("sum", [](auto in) { return std::move(in) | window(count(3)) | sum(); });
  f("sliding sum", [](auto in) { return std::move(in) | window(sliding(3)) | sum(); });
  f("growing mean", [](auto in) { return std::move(in) | window(growing()) | mean(); });
  f("growing min", [](auto in) { return std::move(in) | window(growing()) | min_of(); });
  f("sliding variance", [](auto in) { return std::move(in) | window(sliding(4)) | variance(); });
  f("sliding max", [](auto in) { return std::move(in) | window(sliding(5)) | max_of(); });
  f("quantile", [](auto in) { return std::move(in) | window(count(4)) | quantile(0.5); });
  f("sliding quantile", [](auto in) { return std::move(in) | window(sliding(4, 2)) | quantile(0.3); });
  f("sliding time", [](auto in) {
    return std::move(in) | window(sliding_time(6ns, 2ns)) | stats(median(), min_of(), sum()) |
           map([](const auto& a) { return a[0] + a[1] + a[2]; });
  });
  f("histogram", [](auto in) {
    return std::move(in) | window(sliding(3)) | histogram<2>(1, 3) |
           map([](const HistogramCounts<2>& h) { return static_cast<double>(h.counts[1] * 10 + h.nan); });
  });
  f("slope", [](auto in) { return std::move(in) | window(count(4)) | slope(); });
  f("sliding slope", [](auto in) { return std::move(in) | window(sliding(4)) | slope(); });
  f("plateau", [](auto in) { return std::move(in) | window(sliding(3)) | plateau(1); });
  f("rate", [](auto in) { return std::move(in) | window(count(3)) | rate(); });
  f("sliding rate", [](auto in) { return std::move(in) | window(sliding(3)) | rate(); });
  f("rate of time", [](auto in) { return std::move(in) | window(sidestep::time(5ns)) | rate(); });
  f("stats", [](auto in) {
    return std::move(in) | window(sliding(3)) | stats(mean(), median(), max_of()) |
           map([](const auto& a) { return a[0] + a[1] + a[2]; });
  });
  f("ewma", [](auto in) { return std::move(in) | ewma(0.3); });
  f("ewma of time", [](auto in) { return std::move(in) | ewma(half_life(5ns)); });
  f("page_hinkley", [](auto in) { return std::move(in) | page_hinkley(0.1, 2, {.least = 2}); });
}
TEST(Cut, StatisticsAtEveryPositionOfRandomStreams) {
  for_each_statistic([](const char* name, auto build) { expect_same_at_every_cut(name, build); });
}
TEST(Cut, DamagedStatesOfStatisticsFailInWordsAtWorst) {
  for_each_statistic([](const char* name, auto build) { expect_words_for_damage(name, build); });
}
// Blocks of extremes, and sums that are begun afresh, in windows of many values.
TEST(Cut, LongWindows) {
  std::mt19937_64 random(41);
  Moments stream;
  for (int i = 0; i < 700; ++i) stream.push_back({i, static_cast<double>(random() % 1000)});
  const auto build = [](auto in) {
    return std::move(in) | window(sliding(200)) | stats(mean(), variance(), slope(), min_of(), max_of(), p90()) |
           map([](const auto& a) { return a[0] + a[1] + a[2] + a[3] + a[4] + a[5]; });
  };
  Driven whole(build);
  whole.run(stream.data(), stream.data() + stream.size(), 64);
  const States at_end = whole.save();
  for (std::size_t cut = 0; cut <= stream.size(); cut += 23) {
    Driven first(build), second(build);
    first.run(stream.data(), stream.data() + cut, 64);
    States states = first.save();
    second.load(states);
    second.run(stream.data() + cut, stream.data() + stream.size(), 64);
    ASSERT_FALSE(second.handle()->failed()) << second.handle()->error();
    Values output = first.output;
    output.insert(output.end(), second.output.begin(), second.output.end());
    ASSERT_TRUE(same(output, whole.output)) << "cut at " << cut;
    ASSERT_EQ(second.save().parts, at_end.parts) << "cut at " << cut;
  }
}

}  // namespace
