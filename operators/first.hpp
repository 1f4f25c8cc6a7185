#pragma once

#include <sidestep/operators/always.hpp>
#include <sidestep/operators/stage.hpp>

namespace sidestep {

namespace detail {

template <class F>
struct First {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "first";
  F f;
  bool found = false;
  explicit First(F predicate) : f(std::move(predicate)) {}

  template <class In>
  requires std::predicate<F&, const In&>
  using out = In;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    if (found || !call(f, value)) return;  // one event may bring several values
    found = true;
    out(value);
    out.done();
  }
  void state(auto& archive) requires KnownState<F> {
    archive(found);
    functor_state(f, archive);
  }
  void arguments(auto& show) const { show_functor(show, f); }
};

}  // namespace detail

/// Emits the first value, or the first that `f` says true to, and ends the stream with it.
///
///   in   --1--2--3--4--|
///   first()
///   out  --1|
///
///   in   --1--2--3--4--|
///   first([](double x) { return x > 2; })
///   out  --------3|
///
/// Emits nothing where there is none (default_if_empty behind it says something else); nothing is asked of `f` after
/// it. Keeps a bool. Semantics: RxJava 3 `firstElement`, Reactor `next` (RxJS `first` fails where there is none).
template <class F = detail::Always>
detail::First<F> first(F f = {}) {
  return detail::First<F>(std::move(f));
}

}  // namespace sidestep
