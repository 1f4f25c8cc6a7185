#pragma once

#include <sidestep/operators/inline.hpp>

#include <cstddef>
#include <tuple>
#include <utility>

/// Flat storage for the stages of a chain; cheaper to compile than std::tuple.
namespace sidestep::detail {

template <std::size_t I, class S>
struct Leaf {
  S s;
};

template <class Indexes, class... S>
struct Leaves;
template <std::size_t... I, class... S>
struct Leaves<std::index_sequence<I...>, S...> : Leaf<I, S>... {
  static constexpr std::size_t count = sizeof...(S);
  static constexpr bool catching = false;
};

template <class... S>
using Stages = Leaves<std::index_sequence_for<S...>, S...>;

template <std::size_t I, class S>
SIDESTEP_INLINE S& stage(Leaf<I, S>& leaf) {
  return leaf.s;
}
template <std::size_t I, class S>
SIDESTEP_INLINE const S& stage(const Leaf<I, S>& leaf) {
  return leaf.s;
}

template <class...>
struct TypeList {};

template <std::size_t I, class... S>
using At = std::tuple_element_t<I, std::tuple<S...>>;

template <std::size_t... I, class... S, class Op>
auto append(Leaves<std::index_sequence<I...>, S...>&& stages, Op&& op) {
  return Leaves<std::index_sequence<I..., sizeof...(I)>, S..., Op>{{std::move(stage<I>(stages))}..., {std::move(op)}};
}

template <std::size_t... I, class... A, std::size_t... K, class... B>
auto join(Leaves<std::index_sequence<I...>, A...>&& a, Leaves<std::index_sequence<K...>, B...>&& b) {
  return Leaves<std::index_sequence<I..., (sizeof...(I) + K)...>, A..., B...>{{std::move(stage<I>(a))}...,
                                                                              {std::move(stage<K>(b))}...};
}

}  // namespace sidestep::detail
