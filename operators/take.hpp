#pragma once

#include <sidestep/operators/stage.hpp>

namespace sidestep {

/// Lets the first n values pass and ends the stream with the n-th.
///
///   in   --1--2--3--4--|
///   take(2)
///   out  --1--2|
///
/// What stands behind it completes at once (a window that is open there emits what it has). take(0) ends the stream at
/// the first value, without emitting it. A pipeline that has ended stays so when a run is resumed. Keeps a counter.
/// Semantics: RxJava 3 `take`.
struct take {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "take";
  std::int64_t left;
  explicit take(std::int64_t n) : left(n) {
    if (n < 0) detail::refuse("take", n, "n must not be negative");
  }

  template <class In>
  using out = In;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    if (--left >= 0) out(value);
    if (left <= 0) out.done();
  }
  void state(auto& archive) { archive(left); }
  void arguments(auto& show) const { show(left); }
};

}  // namespace sidestep
