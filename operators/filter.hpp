#pragma once

#include <sidestep/operators/stage.hpp>

namespace sidestep {

namespace detail {

template <class F>
struct Filter {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "filter";
  F f;
  explicit Filter(F predicate) : f(std::move(predicate)) {}

  template <class In>
  requires std::predicate<F&, const In&>
  using out = In;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    if (call(f, value)) out(value);
  }
  void state(auto& archive) requires KnownState<F> { functor_state(f, archive); }
  void arguments(auto& show) const { show_functor(show, f); }
};

}  // namespace detail

/// Lets pass what `f` says true to.
///
///   in   --1--5--2--7--|
///   filter([](double x) { return x > 3; })
///   out  -----5-----7--|
///
/// Keeps nothing. Semantics: RxJava 3 `filter`.
template <class F>
detail::Filter<F> filter(F f) {
  return detail::Filter<F>(std::move(f));
}

}  // namespace sidestep
