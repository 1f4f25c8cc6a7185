#pragma once

#include <sidestep/operators/notification.hpp>

namespace sidestep {

/// Turns Notifications back into what they say: emits their values, and ends the stream with a completion.
///
///   in   --1--2--3--4--|
///   map([](double x) { return x < 3 ? Notification<double>{x} : Notification<double>{}; }) | dematerialize()
///   out  --1--2--|
///
/// Ends too where the stream does without a completion. Keeps a bool. Semantics: RxJava 3 `dematerialize`.
struct dematerialize {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "dematerialize";
  bool over = false;

  template <class In>
  using out = typename detail::Notified<In>::type;
  template <class V>
  SIDESTEP_INLINE void operator()(const Notification<V>& notification, auto&& out) {
    if (over) return;  // one event may bring several
    over = notification.completed();
    if (over) [[unlikely]]
      return out.done();
    out(*notification.value);
  }
  void state(auto& archive) { archive(over); }
};

}  // namespace sidestep
