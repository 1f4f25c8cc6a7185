#pragma once

#include <sidestep/operators/statistic.hpp>
#include <sidestep/operators/window.hpp>

namespace sidestep {

namespace detail {

template <bool>
struct CountKernel {
  static constexpr std::string_view label = "count";
  std::int64_t n = 0;
  SIDESTEP_INLINE void enter(double) { ++n; }
  SIDESTEP_INLINE void leave(double) { --n; }
  std::int64_t result() const { return n; }
  bool empty() const { return n == 0; }
  void clear() { n = 0; }
  void state(auto& archive) { archive(n); }
};
struct AnyValue {
  SIDESTEP_INLINE double operator()(const auto&) const { return 1; }
};

}  // namespace detail

/// How many values each window holds, whatever they are (a std::int64_t).
///
///   in   -1-2---3---4--5-|
///   window(time(4ns)) | count()
///   out  ----2---1---1---1|      intervals end at 4, 8, 12 ...
///
/// NaN counts. An interval without a value emits nothing (RxJava's `window(...).count()` would say 0). With an
/// argument, count(n) is a window's length. Keeps a counter. Semantics else: RxJava 3 `count`.
inline auto count() { return detail::StatisticOf<detail::CountKernel, detail::AnyValue>(detail::AnyValue{}); }

}  // namespace sidestep
