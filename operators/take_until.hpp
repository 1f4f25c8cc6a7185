#pragma once

#include <sidestep/operators/stage.hpp>

namespace sidestep {

namespace detail {

template <class F>
struct TakeUntil {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "take_until";
  F f;
  bool over = false;
  explicit TakeUntil(F predicate) : f(std::move(predicate)) {}

  template <class In>
  requires std::predicate<F&, const In&>
  using out = In;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    if (over) return;  // one event may bring several values
    out(value);
    over = call(f, value);
    if (over) [[unlikely]]
      out.done();
  }
  void state(auto& archive) requires KnownState<F> {
    archive(over);
    functor_state(f, archive);
  }
  void arguments(auto& show) const { show_functor(show, f); }
};

}  // namespace detail

/// Lets values pass; the first that `f` says true to is the last one.
///
///   in   --1--2--3--1--|
///   take_until([](double x) { return x > 2; })
///   out  --1--2--3|
///
/// `f` is asked after the value was emitted, and not again after it said true. NaN compares false, so `x > 2` doesn't
/// end with it. Keeps a bool. Semantics: RxJava 3 `takeUntil(Predicate)`.
template <class F>
auto take_until(F f) {
  return detail::TakeUntil<F>(std::move(f));
}

}  // namespace sidestep
