#pragma once

#include <sidestep/operators/stage.hpp>

namespace sidestep {

namespace detail {

template <class F>
struct Map {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "map";
  F f;
  explicit Map(F function) : f(std::move(function)) {}

  template <class In>
  requires std::invocable<F&, const In&> &&(!std::is_void_v<std::invoke_result_t<F&, const In&>>)using out =
      std::decay_t<std::invoke_result_t<F&, const In&>>;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    out(call(f, value));
  }
  template <class In>
  requires std::invocable<F&, const In&>
  static constexpr Wrong why =
      std::is_void_v<std::invoke_result_t<F&, const In&>> ? Wrong::returns_nothing : Wrong::nothing;
  void state(auto& archive) requires KnownState<F> { functor_state(f, archive); }
};

}  // namespace detail

/// Emits f(value) for each value. `f` may be a member: map(&BatchEnd::loss).
///
///   in   --1--2--3--|
///   map([](double x) { return x * 10; })
///   out  --10-20-30-|
///
/// Keeps nothing. Semantics: RxJava 3 `map`.
template <class F>
detail::Map<F> map(F f) {
  return detail::Map<F>(std::move(f));
}

}  // namespace sidestep
