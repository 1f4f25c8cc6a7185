#pragma once

#include <sidestep/operators/recent_values.hpp>

namespace sidestep {

namespace detail {

template <class V>
struct TakeLast {
  static constexpr std::string_view label = "take_last";
  std::int64_t n;
  RecentValues<V> newest;
  explicit TakeLast(std::int64_t last) : n(last), newest(last) {}

  template <class In>
  using out = In;
  SIDESTEP_INLINE void operator()(const V& value, auto&&) {
    if (n > 0) newest.push(value);
  }
  void end(auto&& out) {
    newest.each([&](const V& value) { out(value); });
  }
  void state(auto& archive) requires Archivable<Stored<V>> { newest.state(archive); }
  void arguments(auto& show) const { show(n); }
};

}  // namespace detail

/// Emits the last n values, in their order, when the stream ends.
///
///   in   --1--2--3--4--|
///   take_last(2)
///   out  --------------34|
///
/// What follows sees all of them at the moment of the end. A stream of fewer values is emitted whole; take_last(0)
/// emits nothing. Keeps n values, and takes their memory at once. Semantics: RxJava 3 `takeLast`.
struct take_last {
  std::int64_t n;
  explicit take_last(std::int64_t last) : n(last) {
    if (n < 0 || n > std::int64_t{1} << 30) detail::refuse("take_last", n, "n must lie between 0 and 2^30");
  }

  template <class In>
  requires detail::Storable<In>
  auto place() && { return detail::TakeLast<In>(n); }
};

}  // namespace sidestep
