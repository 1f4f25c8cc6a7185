#pragma once

#include <sidestep/operators/ports.hpp>

namespace sidestep {

namespace detail {

/// The newest value of each of two chains. `second_alone`: a value of the second emits too.
template <class A, class B, class F, bool second_emits>
struct Latest {
  static constexpr std::string_view label = second_emits ? "combine_latest" : "with_latest_from";
  F f;
  Kept<A> first{};
  Kept<B> second{};
  bool first_over = false, second_over = false;
  explicit Latest(F function) : f(std::move(function)) {}

  template <class In>
  using out = std::decay_t<std::invoke_result_t<F&, const A&, const B&>>;
  void operator()(const Ported<0, A>& a, auto&& out) {
    if constexpr (second_emits) first.set(a.value);
    if (second) out(f(a.value, second.get()));
  }
  void operator()(const Ported<1, B>& b, auto&& out) {
    second.set(b.value);
    if constexpr (second_emits)
      if (first) out(f(first.get(), b.value));
  }
  void operator()(PortOver<0>, auto&& out) {
    first_over = true;
    if (!second_emits || !first || second_over) out.done();
  }
  void operator()(PortOver<1>, auto&& out) {
    second_over = true;
    if (!second || (second_emits && first_over)) out.done();
  }
  void state(auto& archive) requires KnownState<F> && (!second_emits || Archivable<Stored<A>>) && Archivable<Stored<B>> {
    if constexpr (second_emits) first.state(archive);
    second.state(archive);
    archive(first_over, second_over);
    functor_state(f, archive);
  }
};

}  // namespace detail

/// Emits f(newest of a, newest of b) whenever one of them comes, as soon as both have.
///
///   a    -1-----3--------|
///   b    ---4-------5----|
///   combine_latest(a, b, std::plus<>())
///   out  ---5---7---8----|
///
/// An event that enters both chains goes through `a` first, so it emits twice. Ends when both have ended, or when one has that never emitted.
/// Keeps one value of each. Semantics: RxJava 3 `combineLatest`.
template <detail::Input A, detail::Input B, class F>
requires std::invocable<F&, const typename detail::Chained<A>::Value&, const typename detail::Chained<B>::Value&>
auto combine_latest(A a, B b, F f) {
  return detail::combined("combine_latest", std::move(a), std::move(b),
                          detail::Latest<typename detail::Chained<A>::Value, typename detail::Chained<B>::Value, F, true>(std::move(f)));
}

}  // namespace sidestep
