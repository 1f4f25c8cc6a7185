#pragma once

#include <sidestep/operators/ports.hpp>

namespace sidestep {

namespace detail {

/// The newest value of each of two chains. `second_alone`: a value of the second emits too.
template <bool first_alone, class... V>
inline constexpr bool kept_archivable = (Archivable<Stored<V>> && ...);
template <class First, class... V>
inline constexpr bool kept_archivable<true, First, V...> = (Archivable<Stored<V>> && ...);

/// `first_alone`: the others emit nothing when they come, and of the first none is kept.
template <bool first_alone, class F, class... V>
struct Latest {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = first_alone ? "with_latest_from" : "combine_latest";
  template <std::size_t I>
  static constexpr bool keeps = I > 0 || !first_alone;
  F f;
  std::tuple<Kept<V>...> newest{};
  explicit Latest(F function) : f(std::move(function)) {}

  template <class In>
  using out = std::decay_t<std::invoke_result_t<F&, const V&...>>;
  template <std::size_t I, class X>
  void operator()(const Ported<I, X>& mine, auto&& out) {
    if constexpr (keeps<I>) std::get<I>(newest).set(mine.value);
    if constexpr (I == 0 || !first_alone) emit<I>(mine.value, out, std::index_sequence_for<V...>{});
  }
  template <std::size_t I>
  void operator()(PortOver<I>, auto&& out) {
    if (!keeps<I> || !std::get<I>(newest)) out.done();  // when all have ended, it is over anyway
  }
  void state(auto& archive) requires KnownState<F> && kept_archivable<first_alone, V...> {
    [&]<std::size_t... K>(std::index_sequence<K...>) { (save<K>(archive), ...); }
    (std::index_sequence_for<V...>{});
    functor_state(f, archive);
  }

 private:
  template <std::size_t I, std::size_t... K>
  void emit(const auto& value, auto& out, std::index_sequence<K...>) {
    if (((K == I || std::get<K>(newest)) && ...)) out(f(port_value<K == I>(value, std::get<K>(newest))...));
  }
  template <std::size_t I>
  void save(auto& archive) {
    if constexpr (keeps<I>) std::get<I>(newest).state(archive);
  }
};

}  // namespace detail

/// Emits f(newest of a, newest of b, ...) whenever one of them comes, as soon as all have.
///
///   a    -1-----3--------|
///   b    ---4-------5----|
///   combine_latest(a, b, std::plus<>())
///   out  ---5---7---8----|
///
/// Of two chains or more: combine_latest(a, b, c, f). An event that enters several goes through `a` first, so it emits
/// for each. Ends when all have ended, or when one has that never emitted. Keeps one value of each. Semantics: RxJava 3
/// `combineLatest`.
template <detail::Input A, detail::Input B, class F>
requires std::invocable < F&, const detail::ValueOf<A>
&, const detail::ValueOf<B>& > auto combine_latest(A a, B b, F f) {
  return detail::combined("combine_latest",
                          detail::Latest<false, F, detail::ValueOf<A>, detail::ValueOf<B>>(std::move(f)), std::move(a),
                          std::move(b));
}
template <detail::Input A, detail::Input B, detail::Input C, class... More>
requires(sizeof...(More) > 0) auto combine_latest(A a, B b, C c, More... more) {
  return detail::with_last_first(
      []<class F, class... P>(F&& f, P&&... chains) {
        static_assert(std::invocable<F&, const detail::ValueOf<P>&...>,
                      "combine_latest: its last argument must take a value of each chain");
        return detail::combined("combine_latest", detail::Latest<false, F, detail::ValueOf<P>...>(std::move(f)),
                                std::move(chains)...);
      },
      std::move(a), std::move(b), std::move(c), std::move(more)...);
}

}  // namespace sidestep
