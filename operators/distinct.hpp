#pragma once

#include <sidestep/operators/recent_keys.hpp>

namespace sidestep {

namespace detail {

template <class V, class F>
struct Distinct {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "distinct";
  using Key = std::decay_t<std::invoke_result_t<F&, const V&>>;
  F key;
  std::size_t bound;
  RecentKeys<Key> keys;
  Distinct(std::size_t n, F f) : key(std::move(f)), bound(n), keys(n) {}

  template <class In>
  using out = In;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) {
    if (keys.insert(call(key, value))) out(value);
  }
  void state(auto& archive) requires KnownState<F> && Archivable<Key> {
    keys.state(archive);
    functor_state(key, archive);
  }
  void arguments(auto& show) const { show(bound); }
};

template <class F>
struct DistinctOf {
  std::size_t n;
  F key;
  explicit DistinctOf(std::size_t last, F f) : n(last), key(std::move(f)) {
    if (n < 1 || n > (std::size_t{1} << 30))
      refuse("distinct", static_cast<std::int64_t>(n), "n must lie between 1 and 2^30");
  }

  template <class In>
  requires std::invocable<F&, const In&> && requires(const std::decay_t<std::invoke_result_t<F&, const In&>>& k) {
    { std::hash<std::decay_t<std::invoke_result_t<F&, const In&>>>{}(k) } -> std::convertible_to<std::size_t>;
    { k == k } -> std::convertible_to<bool>;
  }
  auto place() && { return Distinct<In, F>(n, std::move(key)); }
  template <class In>
  requires std::invocable<F&, const In&>
  static constexpr Wrong why = Wrong::lacks_equality;
};

}  // namespace detail

/// Drops a value whose key equals one of the last `n` different keys.
///
///   in   --1--2--1--3--2--1--|
///   distinct(2)
///   out  --1--2-----3-----1--|     when 3 comes, 1 is forgotten
///
/// With `n` at least the number of different keys this is RxJava 3 `distinct`, whose memory has no bound; ours has: n
/// keys, and the oldest is forgotten for a new one. NaN equals nothing, so it always passes (and takes a place). O(1).
template <std::integral N, class F = std::identity>
detail::DistinctOf<F> distinct(N n, F key = {}) {
  return detail::DistinctOf<F>(static_cast<std::size_t>(n), std::move(key));
}

}  // namespace sidestep
