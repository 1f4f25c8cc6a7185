#pragma once

#include <sidestep/operators/pipe.hpp>

#include <algorithm>

namespace sidestep {

namespace detail {

template <class V, class FA, class... TA, class... A, class FB, class... TB, class... B>
auto merge_two(Pipe<V, FA, TypeList<TA...>, A...>&& a, Pipe<V, FB, TypeList<TB...>, B...>&& b) {
  static_assert(!(IsHandover<A> || ...) && !(IsHandover<B> || ...));  // merge() has seen to that
  if (a.bus != b.bus) throw OperatorError("merge: its sources are on different buses; put them on one.");
  if (a.options.stream != b.options.stream)
    throw OperatorError("merge: its sources listen to different streams; say the same from(...) for all.");
  if (a.options.producer != b.options.producer)
    throw OperatorError("merge: its sources listen to different producers; say the same from(...) for all.");
  for (const EventId type : b.options.types)
    if (std::find(a.options.types.begin(), a.options.types.end(), type) == a.options.types.end())
      a.options.types.push_back(type);
  a.options.wall_time |= b.options.wall_time;
  if (a.options.name.empty()) a.options.name = b.options.name;
  return Pipe<V, typename Joined<FA, FB>::type, TypeList<TA..., TB...>, A..., B...>{
      a.bus, std::move(a.options), join(std::move(a.stages), std::move(b.stages))};
}

template <class P>
auto merge_all(P&& all) {
  return std::move(all);
}
template <class A, class B, class... More>
auto merge_all(A&& a, B&& b, More&&... more) {
  return merge_all(merge_two(std::move(a), std::move(b)), std::move(more)...);
}

template <class P>
inline constexpr bool hands_over = false;
template <class V, class F, class T, class... S>
inline constexpr bool hands_over<Pipe<V, F, T, S...>> = (IsHandover<S> || ...);

}  // namespace detail

/// Brings several chains of one bus together, whose values have the same type, and goes on as one.
///
///   a    --1-----3-----|
///   b    -----2-----4--|
///   merge(a, b)
///   out  --1--2--3--4--|
///
/// Within one producer by sequence number; an event that enters several of the chains goes through them in their order.
/// Between producers as the dispatcher finds them, so before `decide` only the trainer's stream comes here. A `take` in
/// one chain ends that one; the whole is over when all are. Nothing is kept. observe_on stands behind a merge, not
/// before it. Semantics: RxJava 3 `merge` of sources that share one thread.
template <detail::Chain P, detail::Chain... More>
requires(sizeof...(More) > 0 &&
         (std::same_as<typename detail::Chained<P>::Value, typename detail::Chained<More>::Value> && ...) &&
         !(detail::hands_over<P> || ... || detail::hands_over<More>)) auto merge(P first, More... more) {
  return detail::merge_all(detail::Chained<P>::pipe(std::move(first)), detail::Chained<More>::pipe(std::move(more))...);
}

}  // namespace sidestep
