#pragma once

#include <sidestep/operators/combine_latest.hpp>

namespace sidestep {

/// Emits f(value, newest of b) for each value; b alone emits nothing.
///
///   a    -1-----3-----6--|
///   b    ---4-------5----|
///   a | with_latest_from(b, std::plus<>())
///   out  -------7-----11-|
///
/// Values before the first of b are dropped. Ends with `a`, or when b ends without having emitted. Keeps one value of b. Semantics: RxJava
/// 3 `withLatestFrom`, which goes on for ever when b was empty.
template <detail::Input B, class F>
auto with_latest_from(B b, F f) {
  const auto make = [f]<class VA, class VB>() requires std::invocable<F&, const VA&, const VB&> {
    return detail::Latest<VA, VB, F, false>(f);
  };
  return detail::WithChain<B, decltype(make)>{"with_latest_from", std::move(b), make};
}

}  // namespace sidestep
