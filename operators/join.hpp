#pragma once

#include <sidestep/operators/ports.hpp>
#include <sidestep/operators/queue.hpp>
#include <sidestep/operators/zip.hpp>

namespace sidestep {

struct JoinOptions {
  std::int64_t capacity = 64;  ///< values of each chain that may wait for a partner
};

namespace detail {

template <class A, class B, class KA, class KB, class F>
struct Join {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "join";
  KA key_a;
  KB key_b;
  F f;
  Queue<A> first;
  Queue<B> second;
  bool first_over = false, second_over = false;
  Join(KA of_a, KB of_b, F function, std::int64_t capacity)
      : key_a(std::move(of_a)), key_b(std::move(of_b)), f(std::move(function)), first(capacity), second(capacity) {}

  template <class In>
  using out = std::decay_t<std::invoke_result_t<F&, const A&, const B&>>;
  void operator()(const Ported<0, A>& a, auto&& out) {
    const auto mine = call(key_a, a.value);
    Stored<B> partner{};
    if (!take<B>(second, partner, [&](const B& b) { return call(key_b, b) == mine; })) return wait<A>(first, a.value);
    if (second_over && second.empty()) out.done();  // before what may throw
    out(f(a.value, Storage<B>::load(partner)));
  }
  void operator()(const Ported<1, B>& b, auto&& out) {
    const auto mine = call(key_b, b.value);
    Stored<A> partner{};
    if (!take<A>(first, partner, [&](const A& a) { return call(key_a, a) == mine; })) return wait<B>(second, b.value);
    if (first_over && first.empty()) out.done();
    out(f(Storage<A>::load(partner), b.value));
  }
  void operator()(PortOver<0>, auto&& out) {
    first_over = true;
    if (second_over || first.empty()) out.done();
  }
  void operator()(PortOver<1>, auto&& out) {
    second_over = true;
    if (first_over || second.empty()) out.done();
  }
  void state(auto& archive) requires KnownState<F> && KnownState<KA> && KnownState<KB> && Archivable<Stored<A>> &&
      Archivable<Stored<B>> {
    first.state(archive), second.state(archive);
    archive(first_over, second_over);
    functor_state(key_a, archive), functor_state(key_b, archive), functor_state(f, archive);
  }
  void arguments(auto& show) const { show(static_cast<std::int64_t>(first.capacity())); }

 private:
  /// The oldest that matches, taken out of its place; the others keep their order.
  template <class V>
  static bool take(Queue<V>& from, Stored<V>& into, auto&& matches) {
    for (std::size_t i = 0; i < from.size(); ++i) {
      if (!matches(Storage<V>::load(from.at(i)))) continue;
      into = std::move(from.at(i));
      for (; i > 0; --i) from.at(i) = std::move(from.at(i - 1));
      from.pop();
      return true;
    }
    return false;
  }
  template <class V>
  static void wait(Queue<V>& queue, const V& value) {
    if (queue.full()) queue.pop();
    queue.push(value);
  }
};

}  // namespace detail

/// Pairs a value of one chain with the value of the other that has the same key: a step, an epoch. Emits std::pair, or
/// f(a, b).
///
///   a    -1---2---3---4--|
///   b    ---3---1-----4--|
///   join(a, std::identity(), b, std::identity(), std::plus<>())
///   out  -------2-6---8--|
///
/// Each value finds one partner, the oldest that waits, and both are gone. At most `capacity` (64) of each chain wait;
/// for one more the oldest goes unpaired. Looking for a partner takes as long as values wait. Ends when both have
/// ended, or one has and none of its values waits. Semantics: an inner join, one to one; RxJava's `join` pairs by time
/// instead, Flink's interval join all with all.
template <detail::Input A, class KA, detail::Input B, class KB, class F = detail::Together>
requires std::invocable < KA&, const detail::ValueOf<A>
& > &&std::invocable<KB&, const detail::ValueOf<B>&> auto join(A a, KA key_a, B b, KB key_b, F f = {},
                                                               JoinOptions options = {}) {
  if (options.capacity < 1) detail::refuse("join", options.capacity, "at least 1 value must be able to wait");
  return detail::combined("join",
                          detail::Join<detail::ValueOf<A>, detail::ValueOf<B>, KA, KB, F>(
                              std::move(key_a), std::move(key_b), std::move(f), options.capacity),
                          std::move(a), std::move(b));
}

}  // namespace sidestep
