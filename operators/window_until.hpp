#pragma once

#include <sidestep/operators/placed_window.hpp>

namespace sidestep {

namespace detail {

template <class V, class F>
struct UntilWindow;
template <class F>
struct UntilSpec {
  F closes;
  template <class V>
  requires std::predicate<F&, const V&>
  using Stage = UntilWindow<V, F>;
};

template <class V, class F>
struct UntilWindow {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "window(until)";
  F closes;
  explicit UntilWindow(UntilSpec<F> spec) : closes(std::move(spec.closes)) {}

  template <class In>
  using out = Windowed<In, WindowKind::tumbling>;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) {
    out(Windowed<V, WindowKind::tumbling>{.enters = &value, .emits = static_cast<bool>(call(closes, value))});
  }
  void state(auto& archive) requires KnownState<F> { functor_state(closes, archive); }
  void arguments(auto& show) const { show_functor(show, closes); }
};

}  // namespace detail

/// window(until(closes)): up to and with the next value for which it is true.
template <class F>
detail::UntilSpec<F> until(F closes) {
  return {std::move(closes)};
}

/// A window that closes with a value for which `closes` is true; that value is its last.
///
///   in   --1--2--0--4--0--5--|
///   window(until([](double x) { return x == 0; })) | sum()
///   out  --------3-----4-----5|
///
/// The next value opens the next window. One that is open when the stream ends emits what it has. Keeps nothing; a
/// buffer behind it is bounded by `at_most`. Semantics: Reactor `windowUntil`.
template <class F>
detail::PlacedWindow<detail::UntilSpec<F>> window(detail::UntilSpec<F> spec) {
  return {std::move(spec)};
}

}  // namespace sidestep
