#pragma once

#include <sidestep/operators/storage.hpp>

#include <functional>

namespace sidestep {

namespace detail {

template <class V, class F>
struct DistinctUntilChanged {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "distinct_until_changed";
  using Key = std::decay_t<std::invoke_result_t<F&, const V&>>;
  F key;
  Kept<Key> last{};
  explicit DistinctUntilChanged(F f) : key(std::move(f)) {}

  template <class In>
  using out = In;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) {
    const Key& now = call(key, value);
    if (last && last.get() == now) return;
    last.set(now);
    out(value);
  }
  void state(auto& archive) requires KnownState<F> && Archivable<Key> {
    last.state(archive);
    functor_state(key, archive);
  }
};

template <class F>
struct DistinctUntilChangedOf {
  F key;
  explicit DistinctUntilChangedOf(F f) : key(std::move(f)) {}

  template <class In>
  requires std::invocable<F&, const In&> &&
      std::equality_comparable<std::decay_t<std::invoke_result_t<F&, const In&>>> &&
      Storable<std::decay_t<std::invoke_result_t<F&, const In&>>>
  auto place() && { return DistinctUntilChanged<In, F>(std::move(key)); }
  template <class In>
  requires std::invocable<F&, const In&>
  static constexpr Wrong why = std::equality_comparable<std::decay_t<std::invoke_result_t<F&, const In&>>>
                                   ? Wrong::nothing
                                   : Wrong::lacks_equality;
};

}  // namespace detail

/// Drops a value that equals the one before it; with `key`, one whose key does.
///
///   in   --1--1--2--2--1--|
///   distinct_until_changed()
///   out  --1-----2-----1--|
///
/// NaN equals nothing, so it always passes. Keeps one key. Semantics: RxJava 3 `distinctUntilChanged`.
template <class F = std::identity>
detail::DistinctUntilChangedOf<F> distinct_until_changed(F key = {}) {
  return detail::DistinctUntilChangedOf<F>(std::move(key));
}

}  // namespace sidestep
