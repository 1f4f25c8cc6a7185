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
  SlidingSum sum;
  std::int64_t n = 0;
  SIDESTEP_INLINE void enter(double x) { sum.enter(x), ++n; }
  SIDESTEP_INLINE void leave(double x) { sum.leave(x), --n; }
  double result() const { return sum.value() / static_cast<double>(n); }
  bool empty() const { return n == 0; }
  void clear() { *this = {}; }
  void state(auto& archive) { archive(sum, n); }
};

}  // namespace detail

/// The mean of each window; of a member: mean(&BatchEnd::loss).
///
///   in   --1--2--3--4--5--|
///   window(count(2)) | mean()
///   out  -----1.5---3.5---5|
///
/// NaN and infinity make the mean of their window what arithmetic says, and no other's. Over a sliding window the sum
/// is kept in twice the precision of a double, so it doesn't drift. Keeps a sum and a count.
template <class F = std::identity>
struct mean : detail::StatisticOf<detail::MeanKernel, F> {
  explicit mean(F f = {}) : detail::StatisticOf<detail::MeanKernel, F>(std::move(f)) {}
};
mean()->mean<std::identity>;
template <class F>
mean(F) -> mean<F>;

}  // namespace sidestep
