#pragma once

#include <sidestep/operators/ports.hpp>

namespace sidestep {

namespace detail {

struct PortFailed {};

/// The first input: what is thrown before it ends it.
struct CatchingPort : Port<0> {
  static constexpr bool catches = true;
  bool inside = false;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    inside = true;
    out(Ported<0, In>{value});
    inside = false;
  }
  void caught(std::string_view, auto&& out) {
    out(PortFailed{});
    out.done();
  }
};

template <class V>
struct OnErrorResume {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "on_error_resume";
  bool failed = false;
  template <class In>
  using out = V;
  void operator()(const Ported<0, V>& a, auto&& out) { out(a.value); }
  void operator()(const Ported<1, V>& b, auto&& out) {
    if (failed) out(b.value);
  }
  void operator()(PortFailed, auto&&) { failed = true; }
  void operator()(PortOver<0>, auto&& out) { out.done(); }
  void operator()(PortOver<1>, auto&&) {}
  void state(auto& archive) { archive(failed); }
};

template <class B>
struct ResumeWith {
  using joins_chain = void;
  template <class P>
  static constexpr bool joins = Input<P>&& std::same_as<ValueOf<P>, ValueOf<B>>;
  B second;
};

}  // namespace detail

/// When a stage before it throws, goes on with another chain.
///
///   a    -1---2---#---3--|
///   b    ---6---7---8----|
///   a | on_error_resume(b)
///   out  -1---2-----8----|
///
/// The bus is hot: what the other emits before is dropped. Ends with the one that it lets pass. Keeps a bool.
/// Semantics: RxJava 3 `onErrorResumeWith`.
template <detail::Input B>
detail::ResumeWith<B> on_error_resume(B b) {
  return {std::move(b)};
}

template <detail::Input A, class B>
requires(detail::ResumeWith<B>::template joins<A>) auto operator|(A first, detail::ResumeWith<B> op) {
  using V = typename detail::Chained<A>::Value;
  return detail::continued(
      detail::side_by_side<detail::Inputs<V, V>>(
          "on_error_resume", detail::continued(detail::Chained<A>::pipe(std::move(first)), detail::CatchingPort()),
          detail::continued(detail::Chained<B>::pipe(std::move(op.second)), detail::Port<1>())),
      detail::OnErrorResume<V>());
}

}  // namespace sidestep
