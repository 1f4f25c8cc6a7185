#pragma once

#include <sidestep/operators/side_by_side.hpp>
#include <sidestep/operators/storage.hpp>

/// How an operator that has two inputs tells them apart: behind each chain stands a port that says which it is, and its one stage
/// takes Ported<0, A>, Ported<1, B>, and PortOver<0>, PortOver<1> when an input has come to its end.
namespace sidestep::detail {

template <std::size_t I, class V>
struct Ported {
  const V& value;
};
template <std::size_t I>
struct PortOver {};

template <std::size_t I>
struct Port {
  static constexpr std::string_view label = I == 0 ? "first input" : "second input";
  template <class In>
  using out = Ported<I, In>;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    out(Ported<I, In>{value});
  }
  void end(auto&& out) { out(PortOver<I>{}); }
  void state(auto&) {}
};

/// What the stage of an operator with two inputs sees: the type of its input, for the concepts.
template <class A, class B>
struct Both {
  using First = A;
  using Second = B;
};

/// A stage for the values of two chains.
template <class Op, class A, class B>
concept TakesBoth = requires(Op& op, const Ported<0, A>& a, const Ported<1, B>& b, AnyOut out) {
  typename Op::template out<Both<A, B>>;
  op(a, out);
  op(b, out);
  op(PortOver<0>{}, out);
  op(PortOver<1>{}, out);
};

/// Two chains and the stage behind both.
template <class Op, class A, class B>
auto combined(std::string_view who, A&& first, B&& second, Op&& op) {
  using VA = typename Chained<A>::Value;
  using VB = typename Chained<B>::Value;
  static_assert(TakesBoth<Op, VA, VB>);
  return continued(side_by_side<Both<VA, VB>>(who, continued(Chained<A>::pipe(std::move(first)), Port<0>{}),
                                              continued(Chained<B>::pipe(std::move(second)), Port<1>{})),
                   std::move(op));
}

/// An operator that takes a second chain and stands behind the first: `a | take_until(b)`. `Make` makes its stage of the values' types.
template <class B, class Make>
struct WithChain {
  using joins_chain = void;
  std::string_view who;
  B second;
  Make make;
};

}  // namespace sidestep::detail

namespace sidestep {

template <detail::Input P, class B, class Make>
auto operator|(P first, detail::WithChain<B, Make> op) {
  using VA = typename detail::Chained<P>::Value;
  using VB = typename detail::Chained<B>::Value;
  return detail::combined(op.who, std::move(first), std::move(op.second), op.make.template operator()<VA, VB>());
}

}  // namespace sidestep
