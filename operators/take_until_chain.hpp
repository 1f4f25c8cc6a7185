#pragma once

#include <sidestep/operators/ports.hpp>
#include <sidestep/operators/take_until.hpp>

namespace sidestep {

namespace detail {

template <class V>
struct TakeUntilChain {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "take_until";
  bool over = false;
  template <class In>
  using out = V;
  void operator()(const Ported<0, V>& a, auto&& out) {
    if (!over) out(a.value);
  }
  template <class B>
  void operator()(const Ported<1, B>&, auto&& out) {
    over = true;
    out.done();
  }
  void operator()(PortOver<0>, auto&& out) { out.done(); }
  void operator()(PortOver<1>, auto&&) {}
  void state(auto& archive) { archive(over); }
};

}  // namespace detail

/// Lets values pass until another chain emits its first, and ends with that.
///
///   a    -1---2---3---4--|
///   b    -------9--------|
///   a | take_until(b)
///   out  -1---2-|
///
/// When b ends without a value nothing happens. An event that enters both chains passes `a` first. Keeps a bool.
/// Semantics: RxJava 3 `takeUntil`.
template <detail::Input B>
auto take_until(B b) {
  const auto make = []<class VA, class VB>() { return detail::TakeUntilChain<VA>(); };
  return detail::WithChains<decltype(make), B>{"take_until", make, {std::move(b)}};
}

}  // namespace sidestep
