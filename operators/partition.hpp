#pragma once

#include <sidestep/operators/filter.hpp>
#include <sidestep/operators/share.hpp>

namespace sidestep {

namespace detail {

template <class F>
struct Not {
  F f;
  template <class V>
  requires std::predicate<F&, const V&>
  bool operator()(const V& value) { return !call(f, value); }
  void state(auto& archive) requires KnownState<F> { functor_state(f, archive); }
};

}  // namespace detail

/// Gives values that `f` says true to to one chain, the others to another, and goes on with what both emit.
///
///   in   -1--2--3--4--|
///   partition([](double x) { return x > 2; }, map([](double x) { return x * 10; }), every(2))
///   out  ----2--30-40-|
///
/// `f` is asked by each chain's own copy, so it must answer the same. All else as `share`. Keeps what the chains keep,
/// and two of `f`. Semantics: RxJS 7 `partition`.
template <class F, class Yes, class No>
auto partition(F f, Yes yes, No no) {
  return share([f, yes = detail::builder_of(std::move(yes))](
                   auto in) mutable { return yes(std::move(in) | sidestep::filter(f)); },
               [f, no = detail::builder_of(std::move(no))](auto in) mutable {
                 return no(std::move(in) | sidestep::filter(detail::Not<F>{f}));
               });
}

}  // namespace sidestep
