#pragma once

#include <sidestep/operators/exact_sum.hpp>
#include <sidestep/operators/statistic.hpp>

namespace sidestep {

namespace detail {

template <bool sliding>
struct SumKernel {
  static constexpr std::string_view label = "sum";
  double sum = 0;
  bool any = false;
  SIDESTEP_INLINE void enter(double x) { sum += x, any = true; }
  double result() const { return sum; }
  bool empty() const { return !any; }
  void clear() { sum = 0, any = false; }
  void state(auto& archive) { archive(sum, any); }
};
template <>
struct SumKernel<true> {
  static constexpr std::string_view label = "sum";
  SlidingSum sum;
  SIDESTEP_INLINE void enter(double x) { sum.enter(x); }
  SIDESTEP_INLINE void leave(double x) { sum.leave(x); }
  double result() const { return sum.value(); }
  bool empty() const { return false; }
  void clear() { sum = {}; }
  void state(auto& archive) { archive(sum); }
};

}  // namespace detail

/// The sum of each window; of a member: sum(&BatchEnd::samples).
///
///   in   --1--2--3--4--5--|
///   window(count(2)) | sum()
///   out  -----3-----7-----5|
///
/// NaN and infinity as in mean. Keeps a sum.
template <class F = std::identity>
struct sum : detail::StatisticOf<detail::SumKernel, F> {
  explicit sum(F f = {}) : detail::StatisticOf<detail::SumKernel, F>(std::move(f)) {}
};
sum()->sum<std::identity>;
template <class F>
sum(F) -> sum<F>;

}  // namespace sidestep
