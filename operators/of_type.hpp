#pragma once

#include <sidestep/bus/event.hpp>
#include <sidestep/operators/stage.hpp>

namespace sidestep {

namespace detail {

template <Event E>
struct OfType {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "of_type";

  template <class In>
  requires requires(const In& event) {
    { event.template get_if<E>() } -> std::same_as<const E*>;
  }
  using out = E;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& event, auto&& out) {
    if (const E* const mine = event.template get_if<E>()) out(*mine);
  }
  void state(auto&) {}
  void arguments(auto& show) const { show(std::string_view(E::name)); }
};

}  // namespace detail

/// Of a source of several event types, lets those of type E pass, as E.
///
///   a    -1---3---5--|
///   b    ---2---4----|
///   both(a, b) | of_type<B>()
///   out  ---2---4----|
///
/// Here A and B are the event types of a and b, and both(a, b) stands for bus.on<A, B>(). A type that the source
/// doesn't listen to is a compile error. Keeps nothing. Semantics: RxJava 3 `ofType`.
template <Event E>
detail::OfType<E> of_type() {
  return {};
}

}  // namespace sidestep
