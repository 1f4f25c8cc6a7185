#pragma once

#include <sidestep/operators/stage.hpp>

namespace sidestep {

namespace detail {

template <class V, class F>
struct CatchError {
  static constexpr std::string_view label = "catch_error";
  static constexpr bool catches = true;
  F f;
  bool inside = false;
  explicit CatchError(F function) : f(std::move(function)) {}

  template <class In>
  using out = V;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) {
    inside = true;
    out(value);
    inside = false;
  }
  void caught(std::string_view what, auto&& out) {
    const V last = f(what);
    out.done();  // whatever becomes of the value
    out(last);   // what is thrown at it isn't offered to this stage again
  }
  void state(auto& archive) requires KnownState<F> { functor_state(f, archive); }
};
template <class F>
struct CatchErrorBuilder {
  F f;
  template <class In>
  requires std::is_invocable_r_v<In, F&, std::string_view>
  auto place() && { return CatchError<In, F>(std::move(f)); }
  template <class In>
  static constexpr Wrong why = Wrong::error_text;
};

}  // namespace detail

/// When a stage before it throws, emits f(what it says) and ends; what stands behind completes as if the stream had.
///
///   in   -1---2---#---3--|
///   catch_error([](std::string_view) { return 0.0; })
///   out  -1---2---0|
///
/// What is thrown behind it is none of its business: that fails the pipeline, or goes to another one further on. A
/// chain that catches keeps its state in memory instead of in registers, about twice slower. Keeps nothing. Semantics:
/// RxJava 3 `onErrorReturn`.
template <class F>
auto catch_error(F f) {
  return detail::CatchErrorBuilder<F>{std::move(f)};
}

}  // namespace sidestep
