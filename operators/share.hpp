#pragma once

#include <sidestep/operators/fragment.hpp>

#include <tuple>

namespace sidestep {

namespace detail {

/// Several branches of one chain; what they emit goes on as one.
template <class V, class... B>
struct Share {
  static constexpr std::string_view label = "share";
  using First = typename At<0, B...>::Emits;
  static constexpr bool any_saved = (B::saved || ...);
  std::tuple<B...> branches;
  explicit Share(std::tuple<B...> all) : branches(std::move(all)) {}

  template <class In>
  using out = First;
  void operator()(const V& value, auto&& out) {
    each([&](auto& branch) { branch.run(value, out); });
    if (over()) out.done();
  }
  void tick(auto&& out) requires(B::ticks || ...) {
    each([&](auto& branch) { branch.tick(out); });
    if (over()) out.done();
  }
  void end(auto&& out) {
    each([&](auto& branch) { branch.end(out); });
  }
  void closed() {
    each([](auto& branch) { branch.closed(); });
  }
  template <class Subscription>
  void bind(Subscription& subscription, unsigned part) {
    each([&](auto& branch) { branch.bind(subscription, part); });
  }
  void state(auto& archive) requires(B::saveable&&...) {
    each([&](auto& branch) { branch.state(archive); });
  }

 private:
  bool over() const {
    return std::apply([](const auto&... branch) { return (branch.over() && ...); }, branches);
  }
  void each(auto&& f) {
    std::apply([&](auto&... branch) { (f(branch), ...); }, branches);
  }
};
template <class V, class... B>
struct TimedShare : Share<V, B...> {
  static constexpr bool wall_time = true;
  using Share<V, B...>::Share;
};
/// The same where every branch ends with subscribe(...).
template <class Base>
struct EndingShare : Base {
  using is_end = void;
  static constexpr bool saved = Base::any_saved;
  template <class In>
  using out = void;
  using Base::Base;
};

template <class V, class... B>
using ShareOf = std::conditional_t<(B::wall_time || ...), TimedShare<V, B...>, Share<V, B...>>;

template <class... F>
struct ShareBuilder {
  std::tuple<F...> builders;

  template <class In>
  static constexpr Wrong why = misplaced<In, F...>();

  template <class In>
  requires(Builds<F, In>&&...) &&
      (std::same_as<typename Branch<FragmentOf<At<0, F...>, In>>::Emits, typename Branch<FragmentOf<F, In>>::Emits> &&
       ...) auto place() && {
    using Made = ShareOf<In, Branch<FragmentOf<F, In>>...>;
    std::tuple<Branch<FragmentOf<F, In>>...> branches = std::apply(
        [](auto&... build) {
          return std::tuple<Branch<FragmentOf<F, In>>...>(Branch<FragmentOf<F, In>>(build(Fragment<In>{}))...);
        },
        builders);
    if constexpr (std::is_void_v<typename Made::First>)
      return EndingShare<Made>(std::move(branches));
    else
      return Made(std::move(branches));
  }
};

}  // namespace detail

/// Gives each value to several chains in turn, and goes on with what they emit. Work before it is done once for all.
///
///   in   -1-----2-----3-----4-----|
///   share(every(2), map([](double x) { return x * 10; }))
///   out  -10----220---30----440---|
///
/// All emit the same type, or all end with subscribe(...), and then so does the pipeline. Ends when all have. Within
/// one no observe_on and no decide: these stand before or behind. Keeps what the chains keep. Semantics: RxJava 3
/// `publish(selector)` with a merge.
template <class... F>
requires(sizeof...(F) > 0) detail::ShareBuilder<detail::BuilderOf<F>...> share(F... chains) {
  return {std::tuple<detail::BuilderOf<F>...>(detail::builder_of(std::move(chains))...)};
}

}  // namespace sidestep
