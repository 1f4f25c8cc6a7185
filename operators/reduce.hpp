#pragma once

#include <sidestep/operators/stage.hpp>

namespace sidestep {

/// Folds all values into an accumulator and emits it when the stream ends.
///
///   in   --1--2--3--|
///   reduce(0.0, std::plus<>())
///   out  -----------6|
///
/// A stream without values emits the seed. NaN does to the accumulator what `f` makes of it. What follows sees the
/// moment of the end. Keeps the accumulator. Semantics: RxJava 3 `reduce` with a seed; scan emits after each value.
template <class A, class F>
struct reduce {
  static constexpr std::string_view label = "reduce";
  A accumulator;
  F f;
  reduce(A seed, F function) : accumulator(std::move(seed)), f(std::move(function)) {}

  template <class In>
  requires std::is_invocable_r_v<A, F&, const A&, const In&>
  using out = A;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&&) {
    accumulator = detail::call(f, accumulator, value);
  }
  void end(auto&& out) { out(accumulator); }
  void state(auto& archive) requires KnownState<F> && Archivable<A> {
    archive(accumulator);
    detail::functor_state(f, archive);
  }
};

}  // namespace sidestep
