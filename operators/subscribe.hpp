#pragma once

#include <sidestep/bus/subscription.hpp>
#include <sidestep/operators/stage.hpp>

namespace sidestep {

/// subscribe(saved, f): the pipeline is part of checkpoints.
struct Saved {};
inline constexpr Saved saved{};

namespace detail {

template <class F>
struct SubscribeBase {
  using is_end = void;
  F f;
  explicit SubscribeBase(F function) : f(std::move(function)) {}

  template <class In>
  requires std::invocable<F&, const In&>
  using out = void;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&&) {
    call_sink(f, value);
  }

  void end(auto&&) requires requires(F& g) { g.end(); }
  { f.end(); }
  void tick(auto&& out) requires requires(F& g) { g.tick(Nanoseconds{}); }
  { f.tick(out.stamp()); }
};

template <class F>
struct SubscribePlain : SubscribeBase<F> {
  static constexpr std::string_view label = "subscribe";
  using SubscribeBase<F>::SubscribeBase;
};

template <class F>
struct SubscribeSaved : SubscribeBase<F> {
  static constexpr std::string_view label = "subscribe(saved)";
  static constexpr bool saved = true;
  using SubscribeBase<F>::SubscribeBase;
  void state(auto& archive) requires KnownState<F> { functor_state(this->f, archive); }
};

}  // namespace detail

/// Ends a chain: calls f(value) for each value.
///
///   in   --1--2--3--|
///   subscribe([&](double x) { write(x * 10); })
///   out  --10-20-30
///
/// `f` may capture what it likes, and is no part of a checkpoint. `subscribe(saved, f)` is: it sees the trainer's
/// stream alone, all stages before it can save their state, and f has none or a `state(archive)`, called at each
/// Barrier on f's own thread (a logger writes out and syncs its rows there). Optional members of f: `end()` when the
/// stream ends, `tick(now)` now and then. Keeps what f keeps. Semantics: RxJava 3 `subscribe`; what f throws fails this
/// pipeline alone.
template <class F>
auto subscribe(F f) {
  return detail::SubscribePlain<F>(std::move(f));
}
template <class F>
auto subscribe(Saved, F f) {
  return detail::SubscribeSaved<F>(std::move(f));
}

}  // namespace sidestep
