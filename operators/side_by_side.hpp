#pragma once

#include <sidestep/operators/pipe.hpp>

#include <algorithm>
#include <string>

/// Several chains of one bus as one that has several entries.
namespace sidestep::detail {

/// Throws OperatorError in the name of `who` unless both see the same bus, stream and producers. Else `a` is what both
/// are.
void put_together(std::string_view who, PipelineOptions& a, const PipelineOptions& b, bool same_bus);

template <class V, class VA, class FA, class... TA, class... A, class VB, class FB, class... TB, class... B>
auto side_by_side(std::string_view who, Pipe<VA, FA, TypeList<TA...>, A...>&& a,
                  Pipe<VB, FB, TypeList<TB...>, B...>&& b) {
  static_assert(!(IsHandover<A> || ...) && !(IsHandover<B> || ...));  // the operator has seen to that
  put_together(who, *a.options, *b.options, a.bus == b.bus);
  return Pipe<V, typename Joined<FA, FB>::type, TypeList<TA..., TB...>, A..., B...>{
      a.bus, std::move(a.options), join(std::move(a.stages), std::move(b.stages))};
}

/// As many as there are.
template <class V, class P>
auto all_side_by_side(std::string_view, P&& one) {
  return std::move(one);
}
template <class V, class A, class B, class... More>
auto all_side_by_side(std::string_view who, A&& a, B&& b, More&&... more) {
  return all_side_by_side<V>(who, side_by_side<V>(who, std::move(a), std::move(b)), std::move(more)...);
}

template <class P>
inline constexpr bool hands_over = false;
template <class V, class F, class T, class... S>
inline constexpr bool hands_over<Pipe<V, F, T, S...>> = (IsHandover<S> || ...);

template <class P>
inline constexpr bool is_fragment = false;
template <class V, class... S>
inline constexpr bool is_fragment<Fragment<V, S...>> = true;

/// May it stand before an operator that has several inputs?
template <class P>
concept Input = Chain<P> && !hands_over<P> && !is_fragment<P>;
template <class P>
using ValueOf = typename Chained<P>::Value;

}  // namespace sidestep::detail
