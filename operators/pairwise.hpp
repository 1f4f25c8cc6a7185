#pragma once

#include <sidestep/operators/stored_pair.hpp>

#include <utility>

namespace sidestep {

namespace detail {

template <class V>
struct Pairwise {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "pairwise";
  Kept<V> before{};

  template <class In>
  using out = std::pair<V, V>;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) {
    if (before) [[likely]]
      out(std::pair<V, V>(before.get(), value));
    before.set(value);
  }
  void state(auto& archive) requires Archivable<Stored<V>> { before.state(archive); }
};

}  // namespace detail

/// Emits each value together with the one before it, as std::pair(before, now).
///
///   in   --1-----2-----3---|
///   pairwise()
///   out  --------1,2---2,3-|
///
/// Nothing comes of the first value alone. Keeps one value. Semantics: RxJS `pairwise`.
struct pairwise {
  template <class In>
  requires detail::Storable<In>
  auto place() && { return detail::Pairwise<In>(); }
};

}  // namespace sidestep
