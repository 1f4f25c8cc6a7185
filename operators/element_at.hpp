#pragma once

#include <sidestep/operators/stage.hpp>

namespace sidestep {

/// Emits the value number n, counted from 0, and ends the stream with it.
///
///   in   --1--2--3--4--|
///   element_at(2)
///   out  --------3|
///
/// Emits nothing where the stream is shorter. Keeps a counter. Semantics: RxJava 3 `elementAt` (RxJS and Reactor fail
/// where it is shorter).
struct element_at {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "element_at";
  std::int64_t left;
  explicit element_at(std::int64_t n) : left(n) {
    if (n < 0) detail::refuse("element_at", n, "n must not be negative");
  }

  template <class In>
  using out = In;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    if (left < 0 || left-- != 0) return;
    out(value);
    out.done();
  }
  void state(auto& archive) { archive(left); }
  void arguments(auto& show) const { show(left); }
};

}  // namespace sidestep
