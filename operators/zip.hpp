#pragma once

#include <sidestep/operators/ports.hpp>
#include <sidestep/operators/queue.hpp>

#include <utility>

namespace sidestep {

struct ZipOptions {
  std::int64_t capacity = 1024;  ///< values of one chain that may wait for the other's
};

namespace detail {

/// Says that so many values wait for their partner, and ends the pipeline with it.
[[noreturn]] void too_many_wait(std::string_view who, std::string_view which, std::int64_t capacity);

struct MakePair {
  template <class A, class B>
  std::pair<A, B> operator()(const A& a, const B& b) const { return {a, b}; }
};

template <class A, class B, class F>
struct Zip {
  static constexpr std::string_view label = "zip";
  F f;
  std::int64_t capacity;
  Queue<A> first;
  Queue<B> second;
  bool first_over = false, second_over = false;
  Zip(F function, std::int64_t most) : f(std::move(function)), capacity(most), first(most), second(most) {}

  template <class In>
  using out = std::decay_t<std::invoke_result_t<F&, const A&, const B&>>;
  void operator()(const Ported<0, A>& a, auto&& out) {
    if (second.empty()) {
      if (first.full()) too_many_wait("zip", "first", capacity);
      return first.push(a.value);
    }
    const auto b = second.pop();
    if (second.empty() && second_over) out.done();  // before what may throw
    out(f(a.value, Storage<B>::load(b)));
  }
  void operator()(const Ported<1, B>& b, auto&& out) {
    if (first.empty()) {
      if (second.full()) too_many_wait("zip", "second", capacity);
      return second.push(b.value);
    }
    const auto a = first.pop();
    if (first.empty() && first_over) out.done();
    out(f(Storage<A>::load(a), b.value));
  }
  void operator()(PortOver<0>, auto&& out) {
    first_over = true;
    if (first.empty()) out.done();
  }
  void operator()(PortOver<1>, auto&& out) {
    second_over = true;
    if (second.empty()) out.done();
  }
  void state(auto& archive) requires KnownState<F> && Archivable<Stored<A>> && Archivable<Stored<B>> {
    first.state(archive), second.state(archive);
    archive(first_over, second_over);
    functor_state(f, archive);
  }
};

}  // namespace detail

/// Pairs the values of two chains: the first of one with the first of the other, the second with the second. Emits std::pair, or what `f`
/// makes of both: zip(a, b, f).
///
///   a    -1---2---3-----|
///   b    ---4-----5--6--|
///   zip(a, b, std::plus<>())
///   out  ---5-----7--9--|
///
/// Ends when a chain has ended and none of its values waits any more. Keeps at most `capacity` (1,024) values of the one that is
/// ahead; one more fails the pipeline, since dropping would pair what doesn't belong together. Semantics: RxJava 3 `zip`, whose memory has
/// no bound.
template <detail::Input A, detail::Input B, class F = detail::MakePair>
requires std::invocable<F&, const typename detail::Chained<A>::Value&, const typename detail::Chained<B>::Value&>
auto zip(A a, B b, F f = {}, ZipOptions options = {}) {
  if (options.capacity < 1) detail::refuse("zip", options.capacity, "at least 1 value must be able to wait");
  return detail::combined("zip", std::move(a), std::move(b),
                          detail::Zip<typename detail::Chained<A>::Value, typename detail::Chained<B>::Value, F>(
                              std::move(f), options.capacity));
}

}  // namespace sidestep
