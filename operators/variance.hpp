#pragma once

#include <sidestep/operators/exact_sum.hpp>
#include <sidestep/operators/statistic.hpp>

#include <algorithm>

namespace sidestep {

namespace detail {

/// Welford (1962): no difference of large squares.
template <bool sliding>
struct VarianceKernel {
  static constexpr std::string_view label = "variance";
  double mean = 0, squares = 0;
  std::int64_t n = 0;
  SIDESTEP_INLINE void enter(double x) {
    const double from_old = x - mean;
    mean += from_old / static_cast<double>(++n);
    squares += from_old * (x - mean);
  }
  double result() const { return squares / static_cast<double>(n); }
  bool empty() const { return n == 0; }
  void clear() { mean = 0, squares = 0, n = 0; }
  void state(auto& archive) { archive(mean, squares, n); }
};
/// Sums of (x - base) and of its square, where the base is the mean of an earlier window.
struct SumsAbout {
  double base = 0;
  bool begun = false;
  CompensatedPair sums;                   // of x - base, and of its square
  std::int64_t n = 0, odd = 0, huge = 0;  // odd: not finite; huge: its square isn't

  SIDESTEP_INLINE void enter(double x) {
    if (!begun && std::isfinite(x)) [[unlikely]]
      base = x, begun = true;
    ++n, add(x, x - base, 1);
  }
  SIDESTEP_INLINE void leave(double x) { --n, add(x, base - x, -1); }
  double mean() const { return sums.value(0) / static_cast<double>(n); }  // of x - base
  double variance() const {
    if (odd > 0) return std::nan("");
    if (huge > 0) return HUGE_VAL;
    const double m = mean();
    return std::max(0.0, sums.value(1) / static_cast<double>(n) - m * m);
  }
  void about(const SumsAbout& other) {
    base = other.base + other.sums.value(0) / static_cast<double>(other.n - other.odd);
    begun = other.huge == 0 && std::isfinite(base);  // else about the first value
  }
  void state(auto& archive) { archive(base, begun, sums, n, odd, huge); }

 private:
  SIDESTEP_INLINE void add(double x, double from_base, double sign) {
    const double square = from_base * from_base;
    if (std::isfinite(square)) [[likely]]
      sums.add(from_base, sign * square);
    else
      (std::isfinite(x) ? huge : odd) += static_cast<std::int64_t>(sign);
  }
};
template <>
struct VarianceKernel<true> {
  static constexpr std::string_view label = "variance";
  Renewed<SumsAbout> sums;
  SIDESTEP_INLINE void enter(double x) { sums.enter(x); }
  SIDESTEP_INLINE void leave(double x) { sums.leave(x); }
  double result() const { return sums->variance(); }
  bool empty() const { return sums->n == 0; }
  void clear() { sums.clear(); }
  void state(auto& archive) { archive(sums); }
};

template <bool sliding>
struct DeviationKernel : VarianceKernel<sliding> {
  static constexpr std::string_view label = "standard_deviation";
  double result() const { return std::sqrt(VarianceKernel<sliding>::result()); }
  void clear() { VarianceKernel<sliding>::clear(); }
};

}  // namespace detail

/// The variance of each window, of the whole population (divided by n, as NumPy's `var`); standard_deviation: its
/// square root.
///
///   in   --1--3--5--9--|
///   window(count(2)) | variance()
///   out  -----1-----4--|
///
/// Welford's recurrence; over a sliding window compensated sums about the mean of the window before, begun afresh for
/// each window's length of values, so that it doesn't drift. Its error there is at most some 1e-15 of the greatest
/// squared distance between two values of the last three windows. NaN or infinity makes it NaN as long as it is in the
/// window. Keeps at most two dozen numbers.
template <class F = std::identity>
auto variance(F f = {}) {
  return detail::StatisticOf<detail::VarianceKernel, F>(std::move(f));
}

/// The square root of the variance.
template <class F = std::identity>
auto standard_deviation(F f = {}) {
  return detail::StatisticOf<detail::DeviationKernel, F>(std::move(f));
}

}  // namespace sidestep
