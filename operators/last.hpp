#pragma once

#include <sidestep/operators/always.hpp>
#include <sidestep/operators/storage.hpp>

namespace sidestep {

namespace detail {

template <class V, class F>
struct Last {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "last";
  F f;
  Kept<V> newest{};
  explicit Last(F predicate) : f(std::move(predicate)) {}

  template <class In>
  using out = In;
  SIDESTEP_INLINE void operator()(const V& value, auto&&) {
    if (call(f, value)) newest.set(value);
  }
  void end(auto&& out) {
    if (newest) newest.emit(out);
  }
  void state(auto& archive) requires KnownState<F> && Archivable<Stored<V>> {
    newest.state(archive);
    functor_state(f, archive);
  }
  void arguments(auto& show) const { show_functor(show, f); }
};

template <class F>
struct LastOf {
  F f;
  explicit LastOf(F predicate) : f(std::move(predicate)) {}

  template <class In>
  requires Storable<In> && std::predicate<F&, const In&>
  auto place() && { return Last<In, F>(std::move(f)); }
};

}  // namespace detail

/// Emits the last value, or the last that `f` says true to, when the stream ends.
///
///   in   --1--2--3--4--|
///   last()
///   out  --------------4|
///
///   in   --1--2--3--4--|
///   last([](double x) { return x < 3; })
///   out  --------------2|
///
/// Emits nothing where there is none. What follows sees the moment of the end. Keeps one value. Semantics: RxJava 3
/// `lastElement` (RxJS and Reactor `last` fail where there is none).
template <class F = detail::Always>
detail::LastOf<F> last(F f = {}) {
  return detail::LastOf<F>(std::move(f));
}

}  // namespace sidestep
