#pragma once

#include <sidestep/operators/ports.hpp>

namespace sidestep {

namespace detail {

template <class V>
struct SkipUntil {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "skip_until";
  bool open = false;
  template <class In>
  using out = V;
  void operator()(const Ported<0, V>& a, auto&& out) {
    if (open) out(a.value);
  }
  template <class B>
  void operator()(const Ported<1, B>&, auto&&) {
    open = true;
  }
  void operator()(PortOver<0>, auto&& out) { out.done(); }
  void operator()(PortOver<1>, auto&& out) {
    if (!open) out.done();
  }
  void state(auto& archive) { archive(open); }
};

}  // namespace detail

/// Drops values until another chain emits its first.
///
///   a    -1---2---3---4--|
///   b    -------9--------|
///   a | skip_until(b)
///   out  ---------3---4--|
///
/// Ends with `a`; and with b, if that ends without a value. Keeps a bool. Semantics: RxJava 3 `skipUntil`.
template <detail::Input B>
auto skip_until(B b) {
  const auto make = []<class VA, class VB>() { return detail::SkipUntil<VA>(); };
  return detail::WithChains<decltype(make), B>{"skip_until", make, {std::move(b)}};
}

}  // namespace sidestep
