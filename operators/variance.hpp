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
/// Sums of (x - first) and of its square, in twice the precision of a double.
template <>
struct VarianceKernel<true> {
  static constexpr std::string_view label = "variance";
  double first = 0;
  bool begun = false;
  SlidingSum sum, squares;
  std::int64_t n = 0;
  SIDESTEP_INLINE void enter(double x) {
    if (!begun && std::isfinite(x)) [[unlikely]]
      first = x, begun = true;
    const double from_first = x - first;
    sum.enter(from_first), squares.enter(from_first * from_first), ++n;
  }
  SIDESTEP_INLINE void leave(double x) {
    const double from_first = x - first;
    sum.leave(from_first), squares.leave(from_first * from_first), --n;
  }
  double result() const {
    if (!sum.finite()) return std::nan("");
    const auto count = static_cast<double>(n);
    const double mean = sum.value() / count;
    return std::max(0.0, squares.value() / count - mean * mean);
  }
  bool empty() const { return n == 0; }
  void clear() { *this = {}; }
  void state(auto& archive) { archive(first, begun, sum, squares, n); }
};

template <bool sliding>
struct DeviationKernel : VarianceKernel<sliding> {
  static constexpr std::string_view label = "standard_deviation";
  double result() const { return std::sqrt(VarianceKernel<sliding>::result()); }
  void clear() { VarianceKernel<sliding>::clear(); }
};

}  // namespace detail

/// The variance of each window, of the whole population (divided by n, as NumPy's `var`).
///
///   in   --1--3--5--9--|
///   window(count(2)) | variance()
///   out  -----1-----4--|
///
/// Tumbling: Welford's recurrence. Sliding: sums about the first value in twice the precision of a double, without
/// drift. NaN or infinity makes it NaN as long as it is in the window. Keeps at most ten numbers.
template <class F = std::identity>
struct variance : detail::StatisticOf<detail::VarianceKernel, F> {
  explicit variance(F f = {}) : detail::StatisticOf<detail::VarianceKernel, F>(std::move(f)) {}
};
variance()->variance<std::identity>;
template <class F>
variance(F) -> variance<F>;

/// The square root of the variance.
template <class F = std::identity>
struct standard_deviation : detail::StatisticOf<detail::DeviationKernel, F> {
  explicit standard_deviation(F f = {}) : detail::StatisticOf<detail::DeviationKernel, F>(std::move(f)) {}
};
standard_deviation()->standard_deviation<std::identity>;
template <class F>
standard_deviation(F) -> standard_deviation<F>;

}  // namespace sidestep
