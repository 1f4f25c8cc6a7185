#include "operators/statistics_cases.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;
using sidestep::detail::Buckets;

TEST(Quantile, OfHardStreamsThatSlideWithin1In256) {
  const auto error = [](double q, const At&) { return std::abs(q) / 256 + std::ldexp(1.0, -1029); };
  expect_exact([] { return quantile(0.5); }, [](const Values& v) { return exactly::quantile(v, 0.5); }, error);
  expect_exact([] { return p99(); }, [](const Values& v) { return exactly::quantile(v, 0.99); }, error);
  expect_exact([] { return quantile(0); }, exactly::least, error);
  expect_exact([] { return quantile(1); }, exactly::greatest, error);
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
  for (const double x : {0.0, infinity, -infinity})
    EXPECT_EQ(Buckets<std::uint32_t>::value(Buckets<std::uint32_t>::key(x)), x);
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
      ASSERT_EQ(buckets.least(), counts.empty() ? buckets.none : counts.begin()->first);
    }
    buckets.clear();
    ASSERT_EQ(buckets.least(), buckets.none);
  }
}
// A window whose saved state was damaged may ask for it.
TEST(Quantile, OfNothingIsNoNumber) {
  EXPECT_TRUE(std::isnan(sidestep::detail::QuantileKernel<false>(0.5).result()));
  EXPECT_TRUE(std::isnan(sidestep::detail::QuantileKernel<true>(1).result()));
}
TEST(Quantile, RefusesWhatIsNoPart) {
  EXPECT_THROW(quantile(-0.1), OperatorError);
  EXPECT_THROW(quantile(1.1), OperatorError);
  EXPECT_THROW(quantile(no_number), OperatorError);
  try {
    quantile(1.5);
  } catch (const OperatorError& error) {
    EXPECT_STREQ(error.what(), "quantile(1.5): q must be from 0 to 1");
  }
}

TEST(Quantile, ThoseWithNamesAreThoseOfTheirNames) {
  Values values;
  for (int i = 0; i < 100; ++i) values.push_back(std::ldexp(1.0, i));
  const auto of = [&](auto statistic) {
    return out_of(values, [=](auto in) { return std::move(in) | window(count(100)) | statistic(); });
  };
  EXPECT_EQ(of([] { return median(); }), Values{bucketed(values, 0.5)});
  EXPECT_EQ(of([] { return p90(); }), Values{bucketed(values, 0.9)});
  EXPECT_EQ(of([] { return p99(); }), Values{bucketed(values, 0.99)});
}
TEST(Quantile, DescribesItself) {
  EXPECT_EQ(described([](auto in) { return std::move(in) | window(count(2)) | quantile(0.25); })[5], "quantile(0.25)");
}
TEST(Quantile, AWindowLongerThanItCanCountIsRefused) {
  detail::QuantileKernel<true> kernel(0.5);
  EXPECT_NO_THROW(kernel.reserve((std::size_t{1} << 32) - 1));
  EXPECT_THROW(kernel.reserve(std::size_t{1} << 32), OperatorError);
}
TEST(Quantile, AStateThatCannotBeIsRefused) {
  using Counts = std::vector<std::pair<std::uint32_t, std::uint64_t>>;
  const auto loaded = [](Counts counts, std::int64_t nans) {
    Archive saving;
    saving(counts, nans);
    const std::vector<std::byte> bytes = std::move(saving).take();
    Archive loading{std::span<const std::byte>(bytes)};
    detail::QuantileKernel<false> kernel(0.5);
    kernel.state(loading);
    return kernel.result();
  };
  const std::uint32_t one = Buckets<std::uint64_t>::key(1), two = Buckets<std::uint64_t>::key(2);
  EXPECT_EQ(loaded({{one, 2}, {two, 5}}, 0), bucketed({2}, 0.5)) << "one that can";
  EXPECT_TRUE(std::isnan(loaded({{one, 2}}, 1)));
  EXPECT_THROW(loaded({{Buckets<std::uint64_t>::size, 1}}, 0), ArchiveError) << "a bucket that there isn't";
  EXPECT_THROW(loaded({{one, 0}}, 0), ArchiveError) << "one that holds nothing";
  EXPECT_THROW(loaded({{one, 1}, {one, 1}}, 0), ArchiveError) << "one that comes twice";
  EXPECT_THROW(loaded({{one, std::uint64_t{1} << 62}, {two, 1}}, 0), ArchiveError) << "more than can be counted";
  EXPECT_THROW(loaded({{one, 1}}, -1), ArchiveError) << "less than none";
  detail::QuantileKernel<true> kernel(0.5);
  kernel.enter(1);
  EXPECT_THROW(kernel.leave(2), ArchiveError) << "what leaves has never entered";
}

TEST(Quantile, InTheUsualCases) {
  expect_the_usual([] { return median(); }, [](const Values& v) { return bucketed(v, 0.5); });
}

TEST(Quantile, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases([](auto in) { return std::move(in) | window(sliding(3)) | median(); });
}

}  // namespace
