#pragma once

#include <sidestep/operators/stage.hpp>

namespace sidestep {

/// Drops the first n values.
///
///   in   --1--2--3--4--|
///   skip(2)
///   out  --------3--4--|
///
/// Keeps a counter. Semantics: RxJava 3 `skip`.
struct skip {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "skip";
  std::int64_t left;
  explicit skip(std::int64_t n) : left(n) {
    if (n < 0) detail::refuse("skip", n, "n must not be negative");
  }

  template <class In>
  using out = In;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    if (left > 0) [[unlikely]] {
      --left;
      return;
    }
    out(value);
  }
  void state(auto& archive) { archive(left); }
  void arguments(auto& show) const { show(left); }
};

}  // namespace sidestep
