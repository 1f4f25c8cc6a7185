#pragma once

#include <sidestep/operators/combine_latest.hpp>

namespace sidestep {

/// Emits f(value, newest of b, ...) for each value; b alone emits nothing.
///
///   a    -1-----3-----6--|
///   b    ---4-------5----|
///   a | with_latest_from(b, std::plus<>())
///   out  -------7-----11-|
///
/// Of one more chain or several: a | with_latest_from(b, c, f). Values before the first of each are dropped. Ends with
/// `a`, or when one of the others ends without having emitted. Keeps one value of each of the others. Semantics: RxJava
/// 3 `withLatestFrom`, which goes on for ever when b was empty.
template <detail::Input B, class... More>
requires(sizeof...(More) > 0) auto with_latest_from(B b, More... more) {
  return detail::with_last_first(
      []<class F, class... P>(F&& f, P&&... chains) {
        const auto make = [f]<class... V>() requires std::invocable<F&, const V&...> {
          return detail::Latest<true, F, V...>(f);
        };
        return detail::WithChains<decltype(make), P...>{"with_latest_from", make, {std::move(chains)...}};
      },
      std::move(b), std::move(more)...);
}

}  // namespace sidestep
