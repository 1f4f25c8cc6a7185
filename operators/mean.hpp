#pragma once

#include <sidestep/operators/exact_sum.hpp>
#include <sidestep/operators/statistic.hpp>

namespace sidestep {

namespace detail {

template <bool sliding>
struct MeanKernel {
  static constexpr std::string_view label = "mean";
  double sum = 0;
  std::int64_t n = 0;
  SIDESTEP_INLINE void enter(double x) { sum += x, ++n; }
  double result() const { return sum / static_cast<double>(n); }
  bool empty() const { return n == 0; }
  void clear() { sum = 0, n = 0; }
  void state(auto& archive) { archive(sum, n); }
};
template <>
struct MeanKernel<true> {
  static constexpr std::string_view label = "mean";
  static constexpr bool grows = true;
  Renewed<SlidingSum> sum;
  SIDESTEP_INLINE void enter(double x) { sum.enter(x); }
  SIDESTEP_INLINE void leave(double x) { sum.leave(x); }
  SIDESTEP_INLINE double result() const { return sum->value() / static_cast<double>(sum.held()); }
  bool empty() const { return sum.held() == 0; }
  void clear() { sum.clear(); }
  void state(auto& archive) { archive(sum); }
};

}  // namespace detail

/// The mean of each window; of a member: mean(&BatchEnd::loss).
///
///   in   --1--2--3--4--5--|
///   window(count(2)) | mean()
///   out  -----1.5---3.5---5|
///
/// NaN and infinity make the mean of their window what arithmetic says, and no other's. Over sliding and growing
/// windows the sum is compensated, and over sliding ones begun afresh for each window's length of values, so it doesn't
/// drift; over the others it is a plain sum, whose relative error is at most n * 1.1e-16 of the sum of absolute values.
/// Keeps at most a dozen numbers.
template <class F = std::identity>
auto mean(F f = {}) {
  return detail::StatisticOf<detail::MeanKernel, F>(std::move(f));
}

}  // namespace sidestep
