#pragma once

#include "operators/reference.hpp"
#include "operators/statistics_reference.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <map>

/// What the tests of statistics have in common: windows of all kinds, and streams that are hard on them.
namespace sidestep::test {

inline constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
inline constexpr double infinity = std::numeric_limits<double>::infinity();

template <class Build>
Values out_of(const Values& in, Build build, Nanoseconds apart = 0) {
  Moments stream;
  for (const double x : in) stream.push_back({static_cast<Nanoseconds>(stream.size()) * apart, x});
  return output_of(build, stream, 16);
}
/// EXPECT_EQ of values, where NaN equals itself.
inline void expect_values(const Values& values, const Values& expected) {
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_TRUE(values[i] == expected[i] || (std::isnan(values[i]) && std::isnan(expected[i])))
        << "value " << i << ": " << values[i] << ", not " << expected[i];
}

using Reduce = std::function<double(const Values&)>;
/// Of tumbling windows (step = n, and what is left at the end), and of those that slide.
inline Reference of_windows(std::size_t n, std::size_t step, bool partial, Reduce reduce) {
  return [=](const Moments& stream, bool over) {
    const Values all = values_of(stream);
    Values out;
    for (std::size_t from = 0; from < all.size(); from += step) {
      if (from + n > all.size() && !(partial && over)) break;
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(from);
      out.push_back(reduce(Values(begin, all.begin() + static_cast<std::ptrdiff_t>(std::min(from + n, all.size())))));
    }
    return out;
  };
}
inline Reference of_growing(Reduce reduce) {
  return [=](const Moments& stream, bool) {
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
inline const std::map<std::string, Values>& hard_streams() {
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
      made["not finite"].push_back(random() % 100 == 0   ? no_number
                                   : random() % 100 == 0 ? infinity
                                   : random() % 100 == 0 ? -infinity
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
inline At at(const Values& stream, std::size_t last, std::size_t n) {
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

// An operator's chain says of the values that it doesn't sort what their ranks are; that a bucket is narrow is another
// test's.
inline double bucketed(const Values& v, double q) {
  const double exact = exactly::quantile(v, q);
  return std::isnan(exact)
             ? exact
             : sidestep::detail::Buckets<std::uint32_t>::value(sidestep::detail::Buckets<std::uint32_t>::key(exact));
}

}  // namespace sidestep::test
