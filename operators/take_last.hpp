#pragma once

#include <sidestep/operators/recent_values.hpp>

namespace sidestep {

namespace detail {

template <class V>
struct TakeLast : OfRecentValues<V> {
  static constexpr std::string_view label = "take_last";
  explicit TakeLast(std::int64_t n) : OfRecentValues<V>(n, n) {}
  SIDESTEP_INLINE void operator()(const V& value, auto&&) {
    if (this->n > 0) this->newest.push(value);
  }
  void end(auto&& out) {
    this->newest.each([&](const V& value) { out(value); });
  }
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
inline detail::OfTheLast<detail::TakeLast> take_last(std::int64_t n) { return {"take_last", n}; }

}  // namespace sidestep
