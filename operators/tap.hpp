#pragma once

#include <sidestep/operators/stage.hpp>

namespace sidestep {

/// Calls f(value) and lets the value pass.
///
///   in   --1--2--3--|
///   tap([](double) {})
///   out  --1--2--3--|     f(1) f(2) f(3) happen
///
/// Keeps nothing. Semantics: RxJava 3 `doOnNext`.
template <class F>
struct tap {
  static constexpr std::string_view label = "tap";
  F f;
  explicit tap(F function) : f(std::move(function)) {}

  template <class In>
  requires std::invocable<F&, const In&>
  using out = In;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    detail::call_sink(f, value);
    out(value);
  }
  void state(auto& archive) requires KnownState<F> { detail::functor_state(f, archive); }
};

}  // namespace sidestep
