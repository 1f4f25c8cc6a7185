#pragma once

#include <sidestep/operators/stage.hpp>

namespace sidestep {

namespace detail {

template <class F>
struct Finally {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "finally";
  F f;
  bool called = false;
  explicit Finally(F function) : f(std::move(function)) {}

  template <class In>
  using out = In;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    out(value);
  }
  void closed() {
    if (!std::exchange(called, true)) f();
  }
  void state(auto& archive) requires KnownState<F> {
    archive(called);
    functor_state(f, archive);
  }
};

}  // namespace detail

/// Calls f() once when the pipeline is over: completed, failed, or ended by its handle.
///
///   in   -1---2---3--|
///   finally([] {})
///   out  -1---2---3--|      then f()
///
/// Behind what completing emits. On the thread of its part of the chain: before an observe_on when that part is over,
/// the rest may still run. When another part failed, on the dispatcher's thread, once nothing of the pipeline runs any
/// more. What f throws is lost. Not called again in a run that is resumed after it was called. Keeps a bool. Semantics:
/// RxJava 3 `doFinally`.
template <class F>
requires std::invocable<F&>
auto finally(F f) { return detail::Finally<F>(std::move(f)); }

}  // namespace sidestep
