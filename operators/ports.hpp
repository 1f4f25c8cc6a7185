#pragma once

#include <sidestep/operators/side_by_side.hpp>
#include <sidestep/operators/storage.hpp>

#include <algorithm>
#include <iterator>
#include <tuple>

/// How an operator that has several inputs tells them apart: behind each chain stands a port that says which it is, and
/// its one stage takes Ported<0, A>, Ported<1, B> ..., and PortOver<0>, PortOver<1> ... when an input has come to its
/// end.
namespace sidestep::detail {

template <std::size_t I, class V>
struct Ported {
  const V& value;
};
template <std::size_t I>
struct PortOver {};

constexpr std::string_view port_name(std::size_t i) {
  constexpr std::string_view names[] = {"first input", "second input", "third input", "fourth input",
                                        "fifth input", "sixth input",  "later input"};
  return names[std::min(i, std::size(names) - 1)];
}

template <std::size_t I>
struct Port {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = port_name(I);
  template <class In>
  using out = Ported<I, In>;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    out(Ported<I, In>{value});
  }
  void end(auto&& out) { out(PortOver<I>{}); }
  void state(auto&) {}
};

/// What the stage of an operator with several inputs sees, for the concepts.
template <class... V>
struct Inputs {};

/// A stage that takes the values of the chain number I.
template <class Op, std::size_t I, class V>
concept TakesInput = requires(Op& op, const Ported<I, V>& value, AnyOut out) {
  op(value, out);
  op(PortOver<I>{}, out);
};

/// Several chains and the stage behind all.
template <class Op, class... P>
auto combined(std::string_view who, Op&& op, P&&... chains) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    static_assert((TakesInput<Op, I, ValueOf<P>> && ...));
    return continued(
        all_side_by_side<Inputs<ValueOf<P>...>>(who, continued(Chained<P>::pipe(std::move(chains)), Port<I>{})...),
        std::move(op));
  }
  (std::index_sequence_for<P...>{});
}

/// Bit i of `over`: input i has ended.
constexpr std::uint32_t port_bit(std::size_t i) { return std::uint32_t{1} << i; }
constexpr std::uint32_t ports_below(std::size_t i) { return port_bit(i) - 1; }

/// The value that has just come, or one that was kept: what a functor is called with, one for each input.
template <bool has_come>
SIDESTEP_INLINE decltype(auto) port_value(const auto& value, [[maybe_unused]] const auto& kept) {
  if constexpr (has_come)
    return (value);
  else
    return kept.get();
}

/// Calls f(last, others...): for operators whose functor stands behind a row of chains.
template <class... A>
auto with_last_first(auto f, A&&... arguments) {
  auto all = std::forward_as_tuple(std::move(arguments)...);
  constexpr std::size_t last = sizeof...(A) - 1;
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return f(std::get<last>(std::move(all)), std::get<I>(std::move(all))...);
  }
  (std::make_index_sequence<last>{});
}

/// An operator that takes more chains and stands behind the first: `a | take_until(b)`. `Make` makes its stage of the
/// values' types.
template <class Make, class... B>
struct WithChains {
  using joins_chain = void;
  template <class P>
  static constexpr bool joins = Input<P>;
  std::string_view who;
  Make make;
  std::tuple<B...> others;
};

}  // namespace sidestep::detail

namespace sidestep {

template <detail::Input P, class Make, class... B>
auto operator|(P first, detail::WithChains<Make, B...> op) {
  auto stage = op.make.template operator()<detail::ValueOf<P>, detail::ValueOf<B>...>();
  return std::apply(
      [&](B&... others) { return detail::combined(op.who, std::move(stage), std::move(first), std::move(others)...); },
      op.others);
}

}  // namespace sidestep
