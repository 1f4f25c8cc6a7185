#pragma once

#include <sidestep/operators/stage.hpp>

namespace sidestep {

/// Lets the n-th, 2n-th, 3n-th ... value pass.
///
///   in   --1--2--3--4--5--|
///   every(2)
///   out  -----2-----4-----|
///
/// Keeps a counter. Semantics: as `TakeEvery` of MoreLINQ, counted from the end of each group.
struct every {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "every";
  std::int64_t n, seen = 0;
  explicit every(std::int64_t each) : n(each) {
    if (n < 1) detail::refuse("every", n, "n must be at least 1");
  }

  template <class In>
  using out = In;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    if (++seen != n) return;
    seen = 0;
    out(value);
  }
  void state(auto& archive) { archive(seen); }
  void arguments(auto& show) const { show(n); }
};

}  // namespace sidestep
