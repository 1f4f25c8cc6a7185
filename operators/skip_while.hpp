#pragma once

#include <sidestep/operators/stage.hpp>

namespace sidestep {

namespace detail {

template <class F>
struct SkipWhile {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "skip_while";
  F f;
  bool open = false;
  explicit SkipWhile(F predicate) : f(std::move(predicate)) {}

  template <class In>
  requires std::predicate<F&, const In&>
  using out = In;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    if (!open) [[unlikely]] {
      if (call(f, value)) return;
      open = true;
    }
    out(value);
  }
  void state(auto& archive) requires KnownState<F> {
    archive(open);
    functor_state(f, archive);
  }
  void arguments(auto& show) const { show_functor(show, f); }
};

}  // namespace detail

/// Drops values as long as `f` says true to them; the first other one passes, and so does all that follows.
///
///   in   --1--2--3--1--|
///   skip_while([](double x) { return x < 3; })
///   out  --------3--1--|
///
/// Nothing more is asked of `f` then. NaN compares false, so it ends `x < 3`. Keeps a bool. Semantics: RxJava 3
/// `skipWhile`.
template <class F>
detail::SkipWhile<F> skip_while(F f) {
  return detail::SkipWhile<F>(std::move(f));
}

}  // namespace sidestep
