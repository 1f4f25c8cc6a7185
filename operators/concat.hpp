#pragma once

#include <sidestep/operators/ports.hpp>

namespace sidestep {

namespace detail {

template <class V>
struct Concat {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "concat";
  std::uint32_t over = 0;
  template <class In>
  using out = V;
  template <std::size_t I>
  void operator()(const Ported<I, V>& mine, auto&& out) {
    if ((over & ports_below(I)) == ports_below(I)) out(mine.value);
  }
  template <std::size_t I>
  void operator()(PortOver<I>, auto&&) {
    over |= port_bit(I);
  }
  void state(auto& archive) { archive(over); }
};

}  // namespace detail

/// The values of one chain, when it has ended those of another, and so on: concat(a, b, c).
///
///   a    -1---2---3------|
///   b    ---4---5---6--7-|
///   concat(a | take(2), b)
///   out  -1---2-5---6--7-|
///
/// The bus is hot: what the others emit before their turn is dropped (RxJS `concat` of hot sources; RxJava's begin when
/// they are subscribed to). Ends when all have. Keeps a bit for each.
template <detail::Input A, detail::Input... B>
requires(sizeof...(B) > 0 && (std::same_as<detail::ValueOf<A>, detail::ValueOf<B>> && ...)) auto concat(A a,
                                                                                                        B... others) {
  return detail::combined("concat", detail::Concat<detail::ValueOf<A>>(), std::move(a), std::move(others)...);
}

}  // namespace sidestep
