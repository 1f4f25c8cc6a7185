#pragma once

#include <sidestep/operators/ports.hpp>
#include <sidestep/operators/queue.hpp>

#include <tuple>
#include <utility>

namespace sidestep {

struct ZipOptions {
  std::int64_t capacity = 1024;  ///< values of one chain that may wait for the other's
};

namespace detail {

/// Says that so many values wait for their partner, and ends the pipeline with it.
[[noreturn]] void too_many_wait(std::string_view who, std::string_view which, std::int64_t capacity);

struct Together {
  template <class A, class B>
  std::pair<A, B> operator()(const A& a, const B& b) const {
    return {a, b};
  }
  template <class A, class B, class C, class... More>
  std::tuple<A, B, C, More...> operator()(const A& a, const B& b, const C& c, const More&... more) const {
    return {a, b, c, more...};
  }
};

/// One that has waited for its partners.
template <class V>
struct Waited {
  Stored<V> stored;
  decltype(auto) get() const { return Storage<V>::load(stored); }
};

/// Of its queues one at least is empty.
template <class F, class... V>
struct Zip {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "zip";
  F f;
  std::int64_t capacity;
  std::tuple<Queue<V>...> queues;
  std::uint32_t over = 0;
  Zip(F function, std::int64_t most) : f(std::move(function)), capacity(most), queues(Queue<V>(most)...) {}

  template <class In>
  using out = std::decay_t<std::invoke_result_t<F&, const V&...>>;
  template <std::size_t I, class X>
  void operator()(const Ported<I, X>& mine, auto&& out) {
    pair<I>(mine.value, out, std::index_sequence_for<V...>{});
  }
  template <std::size_t I>
  void operator()(PortOver<I>, auto&& out) {
    over |= port_bit(I);
    if (std::get<I>(queues).empty()) out.done();
  }
  void state(auto& archive) requires KnownState<F> &&(Archivable<Stored<V>>&&...) {
    std::apply([&](Queue<V>&... queue) { (queue.state(archive), ...); }, queues);
    archive(over);
    functor_state(f, archive);
  }

 private:
  template <std::size_t I, std::size_t... K>
  void pair(const auto& value, auto& out, std::index_sequence<K...>) {
    if (!((K == I || !std::get<K>(queues).empty()) && ...)) {
      auto& mine = std::get<I>(queues);
      if (mine.full()) too_many_wait("zip", port_name(I), capacity);
      return mine.push(value);
    }
    const std::tuple partners{partner<I, K>()...};
    // before what may throw
    if (((K != I && (over & port_bit(K)) != 0 && std::get<K>(queues).empty()) || ...)) out.done();
    out(f(port_value<K == I>(value, std::get<K>(partners))...));
  }
  template <std::size_t I, std::size_t K>
  auto partner() {
    if constexpr (K == I)
      return nullptr;
    else
      return Waited<At<K, V...>>{std::get<K>(queues).pop()};
  }
};

}  // namespace detail

/// Pairs the values of two chains: the first of one with the first of the other, the second with the second. Emits
/// std::pair, or what `f` makes of both: zip(a, b, f).
///
///   a    -1---2---3-----|
///   b    ---4-----5--6--|
///   zip(a, b, std::plus<>())
///   out  ---5-----7--9--|
///
/// Of more chains, a std::tuple or f of them: zip(a, b, c), zip(a, b, c, f). Ends when a chain has ended and none of
/// its values waits any more. Keeps at most `capacity` (1,024) values of each that is ahead; one more fails the
/// pipeline, since dropping would pair what doesn't belong together. Semantics: RxJava 3 `zip`, whose memory has no
/// bound.
template <detail::Input A, detail::Input B, class F = detail::Together>
requires std::invocable < F&, const detail::ValueOf<A>
&, const detail::ValueOf<B>& > auto zip(A a, B b, F f = {}, ZipOptions options = {}) {
  if (options.capacity < 1) detail::refuse("zip", options.capacity, "at least 1 value must be able to wait");
  return detail::combined("zip", detail::Zip<F, detail::ValueOf<A>, detail::ValueOf<B>>(std::move(f), options.capacity),
                          std::move(a), std::move(b));
}
template <detail::Input A, detail::Input B, detail::Input C, class... More>
auto zip(A a, B b, C c, More... more) {
  if constexpr ((detail::Input<More> && ...)) {
    using Stage = detail::Zip<detail::Together, detail::ValueOf<A>, detail::ValueOf<B>, detail::ValueOf<C>,
                              detail::ValueOf<More>...>;
    return detail::combined("zip", Stage({}, ZipOptions{}.capacity), std::move(a), std::move(b), std::move(c),
                            std::move(more)...);
  } else {
    return detail::with_last_first(
        []<class F, class... P>(F&& f, P&&... chains) {
          static_assert(std::invocable<F&, const detail::ValueOf<P>&...>,
                        "zip: its last argument must take a value of each chain");
          return detail::combined("zip", detail::Zip<F, detail::ValueOf<P>...>(std::move(f), ZipOptions{}.capacity),
                                  std::move(chains)...);
        },
        std::move(a), std::move(b), std::move(c), std::move(more)...);
  }
}

// A wrong program: `a | zip(b)`, or what zip calls takes something else.
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wgcc-compat"
template <detail::Input B, class... F>
requires(sizeof...(F) < 2 && !(detail::Input<F> || ...)) detail::Refused zip(B, F...)
__attribute__((diagnose_if(
    true, "zip is no stage, it takes all its chains: say zip(a, b) or zip(a, b, f) instead of a | zip(b)", "error")));
template <detail::Input A, detail::Input B, class F>
requires(!detail::Input<F> && !std::invocable<F&, const detail::ValueOf<A>&, const detail::ValueOf<B>&>) detail::Refused
    zip(A, B, F, ZipOptions = {})
__attribute__((diagnose_if(true, "what zip calls must take a value of each chain, in their order", "error")));
#pragma clang diagnostic pop
#else
struct zip_is_no_stage_it_takes_all_its_chains_say_zip_a_b_or_zip_a_b_f_instead_of_a_then_zip_b {};
struct what_zip_calls_must_take_a_value_of_each_chain_in_their_order {};
template <detail::Input B, class... F>
requires(sizeof...(F) < 2 && !(detail::Input<F> || ...))
    zip_is_no_stage_it_takes_all_its_chains_say_zip_a_b_or_zip_a_b_f_instead_of_a_then_zip_b zip(B, F...)
= delete;
template <detail::Input A, detail::Input B, class F>
requires(!detail::Input<F> && !std::invocable<F&, const detail::ValueOf<A>&, const detail::ValueOf<B>&>)
    what_zip_calls_must_take_a_value_of_each_chain_in_their_order zip(A, B, F, ZipOptions = {})
= delete;
#endif

}  // namespace sidestep
