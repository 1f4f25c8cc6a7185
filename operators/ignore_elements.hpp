#pragma once

#include <sidestep/operators/stage.hpp>

namespace sidestep {

/// Drops all values; what follows sees only the end of the stream.
///
///   in   --1--2--3--|
///   ignore_elements()
///   out  -----------|
///
/// Keeps nothing. Semantics: RxJava 3 `ignoreElements`.
struct ignore_elements {
  static constexpr std::string_view label = "ignore_elements";

  template <class In>
  using out = In;
  template <class In>
  SIDESTEP_INLINE void operator()(const In&, auto&&) {}
  void state(auto&) {}
};

}  // namespace sidestep
