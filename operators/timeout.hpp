#pragma once

#include <sidestep/operators/interval.hpp>

#include <algorithm>
#include <limits>
#include <string>

namespace sidestep {

/// Nothing came for too long: see timeout.
struct TimeoutError : std::runtime_error {
  explicit TimeoutError(Nanoseconds length)
      : std::runtime_error("timeout: no value came for " + in_words(length) + "."), waited(length) {}
  Nanoseconds waited;

 private:
  /// In the greatest unit of which it is a whole number: "100 ms".
  static std::string in_words(Nanoseconds length) {
    constexpr const char* units[] = {" ns", " us", " ms", " s"};
    int unit = 0;
    while (unit < 3 && length % 1000 == 0) length /= 1000, ++unit;
    return std::to_string(length) + units[unit];
  }
};

/// Fails the pipeline with a TimeoutError when nothing has come for `longest`.
///
///   in   --1--2---------3-|
///   timeout(5ns)
///   out  --1--2----#
///
///   in   --1-#------|
///   timeout(5ns)
///   out  --1-#
///
/// Time counts from the last value, and before the first one from the first tick that the pipeline sees. A value
/// exactly `longest` later comes too late; one with an earlier stamp passes, and doesn't shorten the wait. It is found
/// out by the next value or, when nothing arrives, by a tick; at the end of the stream nothing is late any more, and an
/// error of what stands before it comes at once. The error is thrown at its place in the chain: it ends this pipeline
/// alone, unless something behind it catches it. A checkpoint keeps the time of the last value, so a run that is
/// resumed later than `longest` finds it gone by. Keeps two times. Semantics: RxJava 3 `timeout`.
struct timeout {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "timeout";
  static constexpr bool wall_time = true;
  Nanoseconds length, due = std::numeric_limits<Nanoseconds>::max();
  explicit timeout(std::chrono::nanoseconds longest) : length(detail::positive(longest, "timeout")) {}

  template <class In>
  using out = In;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    const Nanoseconds next = out.stamp() + length;
    if (out.stamp() >= due) [[unlikely]]
      fail();
    due = due == never ? next : std::max(due, next);
    out(value);
  }
  SIDESTEP_APART void tick(auto&& out) {
    if (out.stamp() >= due) fail();
    if (due == never) due = out.stamp() + length;
  }
  void state(auto& archive) { archive(due); }
  void arguments(auto& show) const { show(length); }

 private:
  static constexpr Nanoseconds never = std::numeric_limits<Nanoseconds>::max();
  [[noreturn]] SIDESTEP_APART void fail() const { throw TimeoutError(length); }
};

}  // namespace sidestep
