#pragma once

#include <sidestep/operators/stage.hpp>

namespace sidestep {

namespace detail {

template <class V>
struct DefaultIfEmpty {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "default_if_empty";
  V value;
  bool empty = true;
  explicit DefaultIfEmpty(V instead) : value(std::move(instead)) {}

  template <class In>
  using out = In;
  SIDESTEP_INLINE void operator()(const V& v, auto&& out) {
    empty = false;
    out(v);
  }
  void end(auto&& out) {
    if (empty) out(value);
  }
  void state(auto& archive) { archive(empty); }
  void arguments(auto& show) const {
    if constexpr (std::is_arithmetic_v<V>) show(value);
  }
};

template <class A>
struct DefaultIfEmptyOf {
  A value;
  explicit DefaultIfEmptyOf(A instead) : value(std::move(instead)) {}

  template <class In>
  requires std::copyable<In> && std::convertible_to<const A&, In>
  auto place() && { return DefaultIfEmpty<In>(static_cast<In>(value)); }
};

}  // namespace detail

/// Emits `v` at the end of a stream that had no value.
///
///   in   -----|
///   default_if_empty(7)
///   out  -----7|
///
///   in   --1--|
///   default_if_empty(7)
///   out  --1--|
///
/// `v` becomes a value of the stream's type; what follows sees it at the moment of the end. Keeps a bool beside it.
/// Semantics: RxJava 3 `defaultIfEmpty`.
template <class A>
detail::DefaultIfEmptyOf<A> default_if_empty(A v) {
  return detail::DefaultIfEmptyOf<A>(std::move(v));
}

}  // namespace sidestep
