#pragma once

#include <sidestep/operators/recent_values.hpp>

namespace sidestep {

namespace detail {

template <class V>
struct SkipLast {
  static constexpr std::string_view label = "skip_last";
  std::int64_t n;
  RecentValues<V> newest;
  explicit SkipLast(std::int64_t last) : n(last), newest(last + 1) {}

  template <class In>
  using out = In;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) {
    newest.push(value);
    if (newest.full()) [[likely]]
      out(newest.oldest());
  }
  void state(auto& archive) requires Archivable<Stored<V>> { newest.state(archive); }
  void arguments(auto& show) const { show(n); }
};

}  // namespace detail

/// Drops the last n values: each is emitted when n more have come.
///
///   in   --1--2--3--4--|
///   skip_last(2)
///   out  --------1--2--|
///
/// What follows sees a value at the moment of the one that it waited for. Keeps n + 1 values, and takes their memory at
/// once. Semantics: RxJava 3 `skipLast`.
struct skip_last {
  std::int64_t n;
  explicit skip_last(std::int64_t last) : n(last) {
    if (n < 0 || n > std::int64_t{1} << 30) detail::refuse("skip_last", n, "n must lie between 0 and 2^30");
  }

  template <class In>
  requires detail::Storable<In>
  auto place() && { return detail::SkipLast<In>(n); }
};

}  // namespace sidestep
