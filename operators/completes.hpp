#pragma once

#include <sidestep/operators/stage.hpp>

namespace sidestep {

/// Drops the values and emits `true` when the stream ends; nothing when it fails.
///
///   in   -1---2---3--|
///   completes()
///   out  ------------true|
///
/// Keeps nothing. Semantics: RxJava 3 `ignoreElements` followed by `andThen(just(true))`.
struct completes {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "completes";
  template <class In>
  using out = bool;
  template <class In>
  SIDESTEP_INLINE void operator()(const In&, auto&&) {}
  void end(auto&& out) { out(true); }
  void state(auto&) {}
};

}  // namespace sidestep
