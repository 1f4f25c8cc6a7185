#pragma once

#include <sidestep/operators/stage.hpp>

namespace sidestep {

namespace detail {

/// `each`: emits the accumulator after each value, else at the end.
template <bool each, class A, class F>
struct Fold {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = each ? "scan" : "reduce";
  A accumulator;
  F f;
  Fold(A seed, F function) : accumulator(std::move(seed)), f(std::move(function)) {}

  template <class In>
  requires std::is_invocable_r_v<A, F&, const A&, const In&>
  using out = A;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    accumulator = call(f, accumulator, value);
    if constexpr (each) out(accumulator);
  }
  void end(auto&& out) requires(!each) { out(accumulator); }
  void state(auto& archive) requires KnownState<F> && Archivable<A> {
    archive(accumulator);
    functor_state(f, archive);
  }
};

}  // namespace detail

/// Folds the values into an accumulator and emits it after each.
///
///   in   --1--2--3--|
///   scan(0.0, std::plus<>())
///   out  --1--3--6--|
///
/// The seed itself isn't emitted. Keeps the accumulator. Semantics: RxJS `scan` with a seed (RxJava's `scanWith` emits
/// it).
template <class A, class F>
detail::Fold<true, A, F> scan(A seed, F f) {
  return detail::Fold<true, A, F>(std::move(seed), std::move(f));
}

}  // namespace sidestep
