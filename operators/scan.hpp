#pragma once

#include <sidestep/operators/stage.hpp>

namespace sidestep {

/// Folds the values into an accumulator and emits it after each.
///
///   in   --1--2--3--|
///   scan(0.0, std::plus<>())
///   out  --1--3--6--|
///
/// The seed itself isn't emitted. Keeps the accumulator. Semantics: RxJS `scan` with a seed (RxJava's `scanWith` emits
/// it).
template <class A, class F>
struct scan {
  static constexpr std::string_view label = "scan";
  A accumulator;
  F f;
  scan(A seed, F function) : accumulator(std::move(seed)), f(std::move(function)) {}

  template <class In>
  requires std::is_invocable_r_v<A, F&, const A&, const In&>
  using out = A;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    accumulator = detail::call(f, accumulator, value);
    out(accumulator);
  }
  void state(auto& archive) requires KnownState<F> && Archivable<A> {
    archive(accumulator);
    detail::functor_state(f, archive);
  }
};

}  // namespace sidestep
