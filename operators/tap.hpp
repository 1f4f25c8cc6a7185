#pragma once

#include <sidestep/operators/stage.hpp>

namespace sidestep {

namespace detail {

template <class F>
struct Tap {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "tap";
  F f;
  explicit Tap(F function) : f(std::move(function)) {}

  template <class In>
  requires std::invocable<F&, const In&>
  using out = In;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    call_sink(f, value);
    out(value);
  }
  void state(auto& archive) requires KnownState<F> { functor_state(f, archive); }
};

}  // namespace detail

/// Calls f(value) and lets the value pass.
///
///   in   --1--2--3--|
///   tap([](double) {})
///   out  --1--2--3--|     f(1) f(2) f(3) happen
///
/// Keeps nothing. Semantics: RxJava 3 `doOnNext`.
template <class F>
detail::Tap<F> tap(F f) {
  return detail::Tap<F>(std::move(f));
}

}  // namespace sidestep
