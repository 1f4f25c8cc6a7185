#pragma once

#include <sidestep/operators/stage.hpp>

namespace sidestep {

struct TakeWhileOptions {
  bool inclusive = false;  ///< lets the value pass that ends the stream
};

namespace detail {

template <class F>
struct TakeWhile {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "take_while";
  F f;
  bool inclusive, over = false;
  explicit TakeWhile(F predicate, TakeWhileOptions how = {}) : f(std::move(predicate)), inclusive(how.inclusive) {}

  template <class In>
  requires std::predicate<F&, const In&>
  using out = In;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    if (over) return;  // one event may bring several values
    over = !call(f, value);
    if (!over || inclusive) out(value);
    if (over) [[unlikely]]
      out.done();
  }
  void state(auto& archive) requires KnownState<F> {
    archive(over);
    functor_state(f, archive);
  }
  void arguments(auto& show) const {
    show_functor(show, f);
    if (inclusive) show("inclusive");
  }
};

}  // namespace detail

/// Lets values pass as long as `f` says true to them; the first other one ends the stream.
///
///   in   --1--2--3--1--|
///   take_while([](double x) { return x < 3; })
///   out  --1--2--|
///
///   in   --1--2--3--1--|
///   take_while([](double x) { return x < 3; }, {.inclusive = true})
///   out  --1--2--3|
///
/// The value that ends it is dropped, unless `{.inclusive = true}`; nothing is asked of `f` after it. NaN compares
/// false, so `x < 3` ends with it. Keeps a bool. Semantics: RxJava 3 `takeWhile`; inclusive as in RxJS.
template <class F>
detail::TakeWhile<F> take_while(F f, TakeWhileOptions how = {}) {
  return detail::TakeWhile<F>(std::move(f), how);
}

}  // namespace sidestep
