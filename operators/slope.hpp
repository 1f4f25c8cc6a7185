#pragma once

#include <sidestep/operators/exact_sum.hpp>
#include <sidestep/operators/statistic.hpp>

namespace sidestep {

namespace detail {

/// The sum of (i - mean i)^2 for i = 0 ... n - 1.
inline double index_squares(double n) { return n * (n * n - 1) / 12; }

/// The recurrence of a covariance, as Welford's of a variance.
template <bool sliding>
struct SlopeKernel {
  static constexpr std::string_view label = "slope";
  double mean = 0, products = 0;
  std::int64_t n = 0;
  SIDESTEP_INLINE void enter(double x) {
    const double from_old_index = static_cast<double>(n + 1) / 2;  // n less the mean of 0 ... n - 1
    mean += (x - mean) / static_cast<double>(++n);
    if (n > 1)
      products += from_old_index * (x - mean);
    else
      products = x - x;  // 0, or NaN for what isn't finite
  }
  double result() const { return products / index_squares(static_cast<double>(n)); }
  std::int64_t length() const { return n; }
  bool empty() const { return n == 0; }
  void clear() { mean = products = 0, n = 0; }
  void state(auto& archive) { archive(mean, products, n); }
};

/// Sums of (x - base) and of position * (x - base), where the base is the mean of an earlier window.
struct IndexedSums {
  double base = 0;
  bool begun = false;
  CompensatedSum sum, products;
  std::int64_t n = 0, odd = 0;

  SIDESTEP_INLINE void enter(double x) {
    if (!begun && std::isfinite(x)) [[unlikely]]
      base = x, begun = true;
    const double from_base = x - base;
    if (std::isfinite(from_base)) [[likely]]
      sum.add(from_base), products.add(static_cast<double>(n) * from_base);
    else
      ++odd;
    ++n;
  }
  /// The value at position 0; the others move up by one.
  SIDESTEP_INLINE void leave(double x) {
    const double from_base = x - base;
    if (std::isfinite(from_base)) [[likely]]
      sum.add(-from_base);
    else
      --odd;
    products.add(-sum.sum), products.add(-sum.rest);
    --n;
  }
  double slope() const {
    if (odd > 0) return std::nan("");
    const auto count = static_cast<double>(n);
    return (products.value() - (count - 1) / 2 * sum.value()) / index_squares(count);
  }
  void about(const IndexedSums& other) {
    base = other.base + other.sum.value() / static_cast<double>(other.n);
    begun = other.odd == 0 && std::isfinite(base);  // else about the first value
  }
  void state(auto& archive) { archive(base, begun, sum, products, n, odd); }
};
template <>
struct SlopeKernel<true> {
  static constexpr std::string_view label = "slope";
  Renewed<IndexedSums> sums;
  SIDESTEP_INLINE void enter(double x) { sums.enter(x); }
  SIDESTEP_INLINE void leave(double x) { sums.leave(x); }
  double result() const { return sums->slope(); }
  std::int64_t length() const { return sums->n; }
  bool empty() const { return sums->n == 0; }
  void clear() { sums.clear(); }
  void state(auto& archive) { archive(sums); }
};

}  // namespace detail

/// The slope of the straight line through the values of each window (least squares, value against index): by how much
/// they rise from one value to the next.
///
///   in   --1--2--5--4--5--|
///   window(sliding(3)) | slope()
///   out  --------2--1--0--|
///
/// NaN of one value, and as long as one that isn't finite is in the window. A recurrence as Welford's; over a sliding
/// window compensated sums that are begun afresh for each window's length of values, so that it doesn't drift. Keeps at
/// most two dozen numbers. As SciPy's `linregress(range(n), values).slope`.
template <class F = std::identity>
auto slope(F f = {}) {
  return detail::StatisticOf<detail::SlopeKernel, F>(std::move(f));
}

}  // namespace sidestep
