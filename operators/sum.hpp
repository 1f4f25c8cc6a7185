#pragma once

#include <sidestep/operators/exact_sum.hpp>
#include <sidestep/operators/statistic.hpp>

namespace sidestep {

namespace detail {

template <bool sliding>
struct SumKernel {
  static constexpr std::string_view label = "sum";
  CompensatedSum sum;
  bool any = false;
  SIDESTEP_INLINE void enter(double x) { sum.add(x), any = true; }
  double result() const { return sum.value(); }
  bool empty() const { return !any; }
  void clear() { sum = {}, any = false; }
  void state(auto& archive) { archive(sum, any); }
};
template <>
struct SumKernel<true> {
  static constexpr std::string_view label = "sum";
  static constexpr bool grows = true;
  Renewed<SlidingSum> sum;
  SIDESTEP_INLINE void enter(double x) { sum.enter(x); }
  SIDESTEP_INLINE void leave(double x) { sum.leave(x); }
  double result() const { return sum->value(); }
  bool empty() const { return sum.held() == 0; }
  void clear() { sum.clear(); }
  void state(auto& archive) { archive(sum); }
};

}  // namespace detail

/// The sum of each window; of a member: sum(&BatchEnd::samples).
///
///   in   --1--2--3--4--5--|
///   window(count(2)) | sum()
///   out  -----3-----7-----5|
///
/// Compensated (Neumaier 1974): as if added exactly and rounded once, as long as the sum of the absolute values is no
/// more than 1e15 times the result. Over a sliding window it is also begun afresh for each window's length of values,
/// so it doesn't drift. NaN and infinity make the sum of their window what arithmetic says, and no other's. Keeps at
/// most a dozen numbers.
template <class F = std::identity>
auto sum(F f = {}) {
  return detail::StatisticOf<detail::SumKernel, F>(std::move(f));
}

}  // namespace sidestep
