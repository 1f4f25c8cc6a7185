#pragma once

#include <sidestep/operators/placed_window.hpp>

#include <functional>

namespace sidestep {

namespace detail {

template <class V, class F>
struct ByWindow;
template <class F>
struct BySpec {
  F key;
  template <class V>
  requires std::equality_comparable<std::decay_t<std::invoke_result_t<F&, const V&>>> &&
      Storable<std::decay_t<std::invoke_result_t<F&, const V&>>>
  using Stage = ByWindow<V, F>;
};

template <class V, class F>
struct ByWindow {
  static constexpr std::string_view label = "window(by)";
  using Key = std::decay_t<std::invoke_result_t<F&, const V&>>;
  F key;
  Kept<Key> open{};
  explicit ByWindow(BySpec<F> spec) : key(std::move(spec.key)) {}

  template <class In>
  using out = Windowed<In, WindowKind::timed>;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) {
    const Key& now = call(key, value);
    if (!open || !(open.get() == now)) [[unlikely]]
      begin(now, out);
    out(Windowed<V, WindowKind::timed>{.enters = &value});
  }
  void state(auto& archive) requires KnownState<F> && Archivable<Key> {
    open.state(archive);
    functor_state(key, archive);
  }

 private:
  SIDESTEP_APART void begin(const Key& now, auto&& out) {
    const bool closes = static_cast<bool>(open);
    open.set(now);
    if (closes) out(Windowed<V, WindowKind::timed>{.emits = true});
  }
};

}  // namespace detail

/// window(by(key)): the values that follow each other with the same key.
template <class F = std::identity>
detail::BySpec<F> by(F key = {}) {
  return {std::move(key)};
}

/// A window for each run of values with the same key: window(by(&BatchEnd::epoch)).
///
///   in   --1--3--2--4--5--|
///   window(by([](double x) { return static_cast<int>(x) % 2; })) | sum()
///   out  --------4-----6--5|
///
/// A value with another key closes the window, which emits before that value enters the next one; a key that comes
/// again later opens a window of its own (group_by brings together what has the same key). One that is open when the
/// stream ends emits what it has. NaN equals nothing, so as a key it always opens another. Keeps one key; a buffer
/// behind it is bounded by `at_most`. Semantics: Reactor `windowUntilChanged`.
template <class F>
detail::PlacedWindow<detail::BySpec<F>> window(detail::BySpec<F> spec) {
  return {std::move(spec)};
}

}  // namespace sidestep
