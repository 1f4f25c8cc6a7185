#pragma once

#include <sidestep/operators/interval.hpp>

#include <limits>

namespace sidestep {

/// Emits the first value of each interval and drops the rest of it.
///
///   in   --1-2-3-----4--5--|
///   throttle(4ns)
///   out  --1---3-----4-----|
///
/// The value that is emitted opens the interval. Time is the event's own stamp, so a replay gives the same output. An
/// event exactly at the end of the interval opens the next one; one with an earlier stamp than the last belongs to the
/// open interval. Keeps a time. Semantics: RxJava 3 `throttleFirst`.
struct throttle {
  static constexpr std::string_view label = "throttle";
  static constexpr bool wall_time = true;
  Nanoseconds length, until = std::numeric_limits<Nanoseconds>::min();
  explicit throttle(std::chrono::nanoseconds interval) : length(detail::positive(interval, "throttle")) {}

  template <class In>
  using out = In;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    if (out.stamp() < until) return;
    until = out.stamp() + length;
    out(value);
  }
  void state(auto& archive) { archive(until); }
  void arguments(auto& show) const { show(length); }
};

using throttle_first = throttle;

}  // namespace sidestep
