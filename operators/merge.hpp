#pragma once

#include <sidestep/operators/side_by_side.hpp>

namespace sidestep {

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
requires(sizeof...(More) > 0 && (std::same_as<detail::ValueOf<P>, detail::ValueOf<More>> && ...) &&
         !(detail::hands_over<P> || ... || detail::hands_over<More>)) auto merge(P first, More... more) {
  return detail::all_side_by_side<detail::ValueOf<P>>("merge", detail::Chained<P>::pipe(std::move(first)),
                                                      detail::Chained<More>::pipe(std::move(more))...);
}

// A wrong program: sources of unequal types, or an observe_on before it.
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wgcc-compat"
template <class P, class... More>
requires(detail::Chain<P> || (detail::Chain<More> || ...)) detail::Refused merge(P, More...)
__attribute__((diagnose_if(true, "merge takes chains of one type, and observe_on stands behind it", "error")));
#pragma clang diagnostic pop
#else
struct merge_takes_chains_of_one_type_and_observe_on_stands_behind_it {};
template <class P, class... More>
requires(detail::Chain<P> ||
         (detail::Chain<More> || ...)) merge_takes_chains_of_one_type_and_observe_on_stands_behind_it merge(P, More...)
= delete;
#endif

}  // namespace sidestep
