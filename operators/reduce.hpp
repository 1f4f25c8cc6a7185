#pragma once

#include <sidestep/operators/scan.hpp>

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
detail::Fold<false, A, F> reduce(A seed, F f) {
  return detail::Fold<false, A, F>(std::move(seed), std::move(f));
}

}  // namespace sidestep
