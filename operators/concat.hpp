#pragma once

#include <sidestep/operators/ports.hpp>

namespace sidestep {

namespace detail {

template <class V>
struct Concat {
  static constexpr std::string_view label = "concat";
  bool first_over = false;
  template <class In>
  using out = V;
  void operator()(const Ported<0, V>& a, auto&& out) { out(a.value); }
  void operator()(const Ported<1, V>& b, auto&& out) {
    if (first_over) out(b.value);
  }
  void operator()(PortOver<0>, auto&&) { first_over = true; }
  void operator()(PortOver<1>, auto&&) {}
  void state(auto& archive) { archive(first_over); }
};

}  // namespace detail

/// The values of one chain, and when it has ended those of another.
///
///   a    -1---2---3------|
///   b    ---4---5---6--7-|
///   concat(a | take(2), b)
///   out  -1---2-5---6--7-|
///
/// The bus is hot: what the second emits while the first lasts is dropped (RxJS `concat` of hot sources; RxJava's begin when they are
/// subscribed to). Ends when both have. Keeps nothing.
template <detail::Input A, detail::Input B>
requires std::same_as<typename detail::Chained<A>::Value, typename detail::Chained<B>::Value>
auto concat(A a, B b) {
  return detail::combined("concat", std::move(a), std::move(b), detail::Concat<typename detail::Chained<A>::Value>());
}

}  // namespace sidestep
