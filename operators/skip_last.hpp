#pragma once

#include <sidestep/operators/recent_values.hpp>

namespace sidestep {

namespace detail {

template <class V>
struct SkipLast : OfRecentValues<V> {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "skip_last";
  explicit SkipLast(std::int64_t n) : OfRecentValues<V>(n, n + 1) {}
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) {
    this->newest.push(value);
    if (this->newest.full()) [[likely]]
      out(this->newest.oldest());
  }
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
inline detail::OfTheLast<detail::SkipLast> skip_last(std::int64_t n) { return {"skip_last", n}; }

}  // namespace sidestep
