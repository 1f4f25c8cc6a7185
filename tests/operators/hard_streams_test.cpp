#include "operators/statistics_cases.hpp"

#include <gtest/gtest.h>

/// Streams that are hard on statistics (hard_streams), for those that expect_exact doesn't hold to their values, and
/// stamps that are hard on those that look at stamps.
namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;
using exactly::Quad;

constexpr double ulp = std::numeric_limits<double>::epsilon(), least_number = std::numeric_limits<double>::denorm_min();

Quad magnitude(Quad x) { return x < 0 ? -x : x; }
std::pair<double, double> least_and_greatest(const Values& stream) {
  double low = infinity, high = -infinity;
  for (const double x : stream)
    if (std::isfinite(x)) low = std::min(low, x), high = std::max(high, x);
  return {low, high};
}

TEST(HardStreams, HistogramPutsEachValueBetweenItsEdges) {
  constexpr std::size_t buckets = 8;
  for (const auto& [name, stream] : hard_streams()) {
    auto [low, high] = least_and_greatest(stream);
    if (low == high) low -= std::abs(low), high += std::abs(high);
    for (const double wider : {0.0, 0.1}) {
      const double from = low + wider * (high - low), to = high - wider * (high - low);
      const std::int64_t n = 100;
      std::vector<HistogramCounts<buckets>> seen;
      Bus bus({.thread = false});
      const Handle handle = bus.on<Number>() | map(&Number::value) | window(sliding(n)) | histogram<buckets>(from, to) |
                            subscribe([&](const HistogramCounts<buckets>& h) { seen.push_back(h); });
      for (std::size_t i = 0; i < stream.size(); ++i) {
        const Slot slot = slot_of(Moment{0, stream[i]}, i + 1);
        handle->pipeline().run(std::span(&slot, 1));
      }
      ASSERT_EQ(seen.size(), stream.size() + 1 - n);
      for (std::size_t w = 0; w < seen.size(); w += 50) {
        HistogramCounts<buckets> expected;
        for (std::size_t i = w; i < w + n; ++i) {
          const double x = stream[i];
          if (std::isnan(x))
            ++expected.nan;
          else if (x < from)
            ++expected.below;
          else if (x > to)
            ++expected.above;
          else {
            std::size_t bucket = buckets - 1;
            while (bucket > 0 && x < from + static_cast<double>(bucket) * ((to - from) / buckets)) --bucket;
            ++expected.counts[bucket];
          }
        }
        ASSERT_EQ(seen[w].counts, expected.counts) << name << " from " << from << " to " << to << ", window " << w;
        ASSERT_EQ(seen[w].below, expected.below) << name;
        ASSERT_EQ(seen[w].above, expected.above) << name;
        ASSERT_EQ(seen[w].nan, expected.nan) << name;
      }
    }
  }
}

TEST(HardStreams, EwmaByCountIsTheRecurrence) {
  for (const auto& [name, stream] : hard_streams()) {
    for (const double alpha : {0.01, 0.3, 1.0}) {
      const Values out = out_of(stream, [=](auto in) { return std::move(in) | ewma(alpha); });
      ASSERT_EQ(out.size(), stream.size());
      Quad average = 0;
      double error = 0;  // that of the last one falls with its weight
      bool any = false;
      for (std::size_t i = 0; i < out.size(); ++i) {
        if (std::isfinite(stream[i])) {
          const Quad before = std::exchange(average, any ? average + alpha * (stream[i] - average) : Quad(stream[i]));
          error =
              (1 - alpha) * error +
              2 * ulp * static_cast<double>(magnitude(average) + alpha * (std::abs(stream[i]) + magnitude(before))) +
              least_number;
          any = true;
        }
        if (!any)
          ASSERT_TRUE(std::isnan(out[i])) << name;
        else
          ASSERT_LE(static_cast<double>(magnitude(out[i] - average)), error)
              << name << ", alpha " << alpha << ", value " << i << ": " << out[i];
      }
    }
  }
}

/// Weights, as those of half-lives in nanoseconds, of values that come each at its stamp.
void expect_weighted_means(const std::string& name, const Moments& stream, Nanoseconds length) {
  const Values out =
      output_of([=](auto in) { return std::move(in) | ewma(half_life(std::chrono::nanoseconds(length))); }, stream, 16);
  ASSERT_EQ(out.size(), stream.size());
  Quad sum = 0, weight = 0, absolute = 0;
  __extension__ __int128 newest = std::numeric_limits<Nanoseconds>::min();
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double x = *stream[i].value;
    if (std::isfinite(x)) {
      if (stream[i].at > newest) {
        const Quad left = exp2l(-static_cast<long double>(stream[i].at - newest) / static_cast<long double>(length));
        sum *= left, weight *= left, absolute *= left;
        newest = stream[i].at;
      }
      sum += x, absolute += std::abs(x), weight += 1;
    }
    // a weight was rounded as often as values have come since
    const double error = (100 + static_cast<double>(i)) * ulp;
    if (weight == 0)
      ASSERT_TRUE(std::isnan(out[i])) << name;
    else
      ASSERT_LE(static_cast<double>(magnitude(out[i] - sum / weight)),
                error * static_cast<double>(absolute / weight) + 100 * least_number)
          << name << ", half-life " << length << ", value " << i << ": " << out[i];
  }
}
TEST(HardStreams, EwmaByTimeIsTheWeightedMean) {
  for (const auto& [name, stream] : hard_streams()) {
    for (const Nanoseconds length : {1, 8, 30}) {
      Moments at;
      for (const double x : stream) at.push_back({static_cast<Nanoseconds>(at.size()), x});
      expect_weighted_means(name, at, length);
    }
  }
}

/// Page and Hinkley's sums, exactly: which values they would say, and how near to lambda any sum comes.
struct ExactPage {
  std::vector<double> alarms;
  Quad nearest = 1;  // in lambdas
};
ExactPage page_of(const Values& stream, double delta, double lambda) {
  ExactPage exact;
  Quad total = 0, risen = 0, fallen = 0;
  std::int64_t n = 0;
  for (const double x : stream) {
    if (!std::isfinite(x)) continue;
    total += x, ++n;
    const Quad beyond = x - total / static_cast<Quad>(n);
    risen = std::max<Quad>(0, risen + beyond - delta), fallen = std::max<Quad>(0, fallen - beyond - delta);
    for (const Quad sum : {risen, fallen}) exact.nearest = std::min(exact.nearest, magnitude(sum - lambda) / lambda);
    if (n < 5 || std::max(risen, fallen) <= lambda) continue;
    exact.alarms.push_back(x);
    total = risen = fallen = 0, n = 0;
  }
  return exact;
}
TEST(HardStreams, PageHinkleySaysWhatItsExactSumsSay) {
  std::size_t alarms = 0, silent = 0;
  for (const auto& [name, stream] : hard_streams()) {
    const auto [low, high] = least_and_greatest(stream);
    const double spread = low == high ? std::abs(high) : high - low;
    for (const double part : {0.3, 1.0, 7.0, 1000.0}) {
      const double delta = spread / 100, lambda = spread * part * 1.0123;
      const ExactPage exact = page_of(stream, delta, lambda);
      if (exact.nearest < 1e-9 + 2000 * least_number / lambda) continue;  // rounding decides
      EXPECT_EQ(out_of(stream, [=](auto in) { return std::move(in) | page_hinkley(delta, lambda, {.least = 5}); }),
                exact.alarms)
          << name << ", lambda " << lambda;
      (exact.alarms.empty() ? silent : alarms) += 1;
    }
  }
  EXPECT_GT(alarms, 10u);
  EXPECT_GT(silent, 10u);
}

TEST(HardStreams, PlateauSaysWhatTheExactSlopeSays) {
  std::size_t flat = 0, steep = 0;
  for (const auto& named : hard_streams()) {
    const auto& name = named.first;
    const Values& stream = named.second;
    for (const std::int64_t n : {2, 7, 64}) {
      const auto change_at = [&](std::size_t window, double* error) {
        const At here = at(stream, window + static_cast<std::size_t>(n) - 1, static_cast<std::size_t>(n));
        const double slope = exactly::slope(here.window);
        *error = (1e-14 * std::abs(slope) + 4e-15 * here.distance) * static_cast<double>(n - 1) +
                 8 * static_cast<double>(n) * least_number;
        return slope * static_cast<double>(n - 1);
      };
      double error = 0;
      double eps = 1.01 * std::abs(change_at(0, &error));
      if (!(eps > 0)) eps = 1e-3;
      const Values out = out_of(stream, [=](auto in) { return std::move(in) | window(sliding(n)) | plateau(eps); });
      for (std::size_t i = 0; i < out.size(); i += 3) {
        const double change = change_at(i, &error);
        if (std::abs(std::abs(change) - eps) <= error) continue;  // rounding decides
        const bool expected = std::abs(change) < eps;
        ASSERT_EQ(out[i], expected ? 1.0 : 0.0)
            << name << ", n = " << n << ", window " << i << ": changes by " << change << ", eps " << eps;
        (expected ? flat : steep) += 1;
      }
    }
  }
  EXPECT_GT(flat, 1000u);
  EXPECT_GT(steep, 1000u);
}

TEST(HardStreams, StandardDeviationIsTheRootOfTheVariance) {
  expect_exact([] { return standard_deviation(); }, [](const Values& v) { return std::sqrt(exactly::variance(v)); },
               [](double deviation, const At& a) {
                 const double squares = 1e-14 * deviation * deviation + 2e-15 * a.distance * a.distance +
                                        std::numeric_limits<double>::min();
                 return squares / std::max(deviation, std::sqrt(squares)) + ulp * deviation;
               });
}

/// Stamps that are hard on what takes differences of them, by name.
std::map<std::string, std::vector<Nanoseconds>> hard_stamps() {
  std::map<std::string, std::vector<Nanoseconds>> stamps;
  std::mt19937_64 random(19);
  constexpr Nanoseconds now = 1'764'000'000'123'456'789, most = std::numeric_limits<Nanoseconds>::max(),
                        least = std::numeric_limits<Nanoseconds>::min();
  for (int i = 0; i < 300; ++i) {
    stamps["one moment"].push_back(now);
    stamps["since 1970, near each other"].push_back(now + 3 * i);
    stamps["forth and back"].push_back(now + (i % 2 == 0 ? 1000 + i : -1000 - i));
    stamps["from end to end"].push_back(i < 150 ? least + 1 + i : most - 300 + i);
    stamps["at random"].push_back(static_cast<Nanoseconds>(random()));
    stamps["before 1970"].push_back(-now + static_cast<Nanoseconds>(random() % 50) + 20 * i);
  }
  return stamps;
}
TEST(HardStreams, RateOfHardStampsAndWhateverValues) {
  for (const auto& [name, stamps] : hard_stamps()) {
    for (const std::size_t n : {2U, 7U, 64U}) {
      Moments stream;
      const Values& values = hard_streams().at("not finite");
      for (const Nanoseconds stamp : stamps) stream.push_back({stamp, values[stream.size()]});
      const Values out = output_of(
          [=](auto in) { return std::move(in) | window(sliding(static_cast<std::int64_t>(n))) | rate(); }, stream, 16);
      ASSERT_EQ(out.size(), stamps.size() + 1 - n);
      std::vector<Nanoseconds> newest;
      for (const Nanoseconds stamp : stamps) newest.push_back(newest.empty() ? stamp : std::max(newest.back(), stamp));
      for (std::size_t i = 0; i < out.size(); ++i) {
        __extension__ const __int128 apart = static_cast<__int128>(newest[i + n - 1]) - newest[i];
        const double expected =
            apart == 0 ? infinity : static_cast<double>(static_cast<Quad>(n - 1) * 1e9 / static_cast<Quad>(apart));
        if (apart == 0)
          ASSERT_EQ(out[i], infinity) << name << ", n = " << n << ", window " << i;
        else
          ASSERT_NEAR(out[i], expected, 4 * ulp * expected) << name << ", n = " << n << ", window " << i;
      }
    }
  }
}
TEST(HardStreams, EwmaOfHardStamps) {
  for (const auto& [name, stamps] : hard_stamps()) {
    Moments stream;
    for (const Nanoseconds stamp : stamps) stream.push_back({stamp, hard_streams().at("noise")[stream.size()]});
    expect_weighted_means(name, stream, 20);
  }
}

}  // namespace
