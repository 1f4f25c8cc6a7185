#pragma once

#include <sidestep/operators/notification.hpp>

namespace sidestep {

namespace detail {

template <class V>
struct Materialize {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "materialize";

  template <class In>
  using out = Notification<V>;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) { out(Notification<V>{value}); }
  void end(auto&& out) { out(Notification<V>{}); }
  void state(auto&) {}
};

}  // namespace detail

/// Emits each value, and at last the end of the stream, as a Notification.
///
///   in   --1---2---3---|
///   materialize()
///   out  --(1)-(2)-(3)-(end)|
///
/// Notification<V>{value} or Notification<V>{}, which is the completion (here `(end)`); then the stream itself ends. An
/// error isn't materialised: what throws ends the pipeline, unless a catch_error stands behind it. Keeps nothing.
/// Semantics: RxJava 3 `materialize`, apart from errors.
struct materialize {
  template <class In>
  auto place() && {
    return detail::Materialize<In>();
  }
};

}  // namespace sidestep
