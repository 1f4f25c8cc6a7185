#pragma once

#include <sidestep/operators/stage.hpp>

namespace sidestep {

namespace detail {

template <class F>
struct OnErrorContinue {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "on_error_continue";
  static constexpr bool catches = true, goes_on = true;
  F f;
  bool inside = false;
  explicit OnErrorContinue(F function) : f(std::move(function)) {}

  template <class In>
  using out = In;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    inside = true;
    out(value);
    inside = false;
  }
  void caught(std::string_view what, auto&&) { f(what); }
  void told(std::string_view what) { f(what); }
  void state(auto& archive) requires KnownState<F> { functor_state(f, archive); }
};
template <class F>
struct OnErrorContinueBuilder {
  F f;
  template <class In>
  requires std::invocable<F&, std::string_view>
  auto place() && { return OnErrorContinue<F>(std::move(f)); }
  template <class In>
  static constexpr Wrong why = Wrong::error_text;
};

}  // namespace detail

/// When a stage before it throws, drops the value that it threw at, tells f(what it says), and goes on with the next.
///
///   in   -1---2---#---3--|
///   on_error_continue([](std::string_view) {})
///   out  -1---2-------3--|
///
/// Stages between the one that threw and this one haven't seen the value; those before have, and keep what they made of
/// it. Where a stage had made several values of one (start_with, take_last), the others pass. Keeps nothing. Semantics:
/// Reactor `onErrorContinue`.
template <class F>
auto on_error_continue(F f) {
  return detail::OnErrorContinueBuilder<F>{std::move(f)};
}

}  // namespace sidestep
