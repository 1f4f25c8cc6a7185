#pragma once

#include <sidestep/operators/interval.hpp>

#include <chrono>
#include <cmath>
#include <limits>

namespace sidestep {

namespace detail {

struct HalfLife {
  Nanoseconds length;
};

/// One average out for each value in.
struct EwmaByCount {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "ewma";
  double alpha, average = std::nan("");
  explicit EwmaByCount(double a) : alpha(a) {}

  template <class In>
  requires std::convertible_to<In, double>
  using out = double;
  SIDESTEP_INLINE void operator()(double x, auto&& out) {
    if (std::isfinite(x)) [[likely]]
      average = std::isnan(average) ? x : average + alpha * (x - average);
    out(average);
  }
  void state(auto& archive) { archive(average); }
  void arguments(auto& show) const { show(alpha); }
};

struct EwmaByTime {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "ewma(half_life)";
  static constexpr bool wall_time = true;
  Nanoseconds length, newest = std::numeric_limits<Nanoseconds>::min();
  double sum = 0, weight = 0;  // of all values so far, each halved with each half-life
  explicit EwmaByTime(HalfLife half_life) : length(half_life.length) {}

  template <class In>
  requires std::convertible_to<In, double>
  using out = double;
  SIDESTEP_INLINE void operator()(double x, auto&& out) {
    if (std::isfinite(x)) [[likely]] {
      if (out.stamp() > newest) {
        if (weight > 0) {
          const double left = std::exp2(-nanoseconds_between(newest, out.stamp()) / static_cast<double>(length));
          sum *= left, weight *= left;
        }
        newest = out.stamp();
      }
      sum += x, weight += 1;
    }
    out(sum / weight);
  }
  void state(auto& archive) { archive(newest, sum, weight); }
  void arguments(auto& show) const { show(length); }
};

}  // namespace detail

/// ewma(half_life(10s)): by time.
inline detail::HalfLife half_life(std::chrono::nanoseconds length) { return {detail::positive(length, "half_life")}; }

/// The exponentially weighted moving average, after each value. It needs no window.
///
///   in   --8--4--6--|
///   ewma(0.5)
///   out  --8--6--6--|
///
///   in   -2---8-------4-|
///   ewma(half_life(4ns)) | map([](double x) { return std::round(x); })
///   out  -2---6-------5-|
///
/// ewma(alpha): average += alpha * (value - average), begun with the first value (Roberts 1959; pandas
/// `ewm(alpha, adjust=False)`); 0 < alpha <= 1. ewma(half_life(t)): the mean of all values so far, each with a weight
/// that halves with every t of event time that has gone by since (pandas `ewm(halflife, times)`); values of one moment
/// weigh the same, and a value with an earlier stamp counts as of the newest. It depends on clocks. What isn't finite
/// is left out, and the average before it is emitted again (pandas); NaN before the first. Keeps at most three numbers.
inline detail::EwmaByCount ewma(double alpha) {
  if (!(alpha > 0 && alpha <= 1)) detail::refuse_real("ewma", alpha, "alpha must be greater than 0 and at most 1");
  return detail::EwmaByCount(alpha);
}
inline detail::EwmaByTime ewma(detail::HalfLife half_life) { return detail::EwmaByTime(half_life); }

}  // namespace sidestep
