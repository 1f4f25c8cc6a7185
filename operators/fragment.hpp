#pragma once

#include <sidestep/bus/running.hpp>
#include <sidestep/operators/pipe.hpp>

#include <utility>

namespace sidestep::detail {

/// What follows is emitted for another moment.
template <class Outer>
struct AnotherMoment {
  Outer& outer;
  Nanoseconds moment;
  template <class V>
  void operator()(const V& value) const {
    outer.at(moment, value);
  }
  template <class V>
  void at(Nanoseconds stamp, const V& value) const {
    outer.at(stamp, value);
  }
  Nanoseconds stamp() const { return moment; }
  Sequence number() const { return outer.number(); }
};
template <class Outer>
AnotherMoment<Outer> at_moment(Outer& outer, Nanoseconds stamp) {
  return {outer, stamp};
}
template <class Outer>
AnotherMoment<Outer> at_moment(AnotherMoment<Outer>& outer, Nanoseconds stamp) {
  return {outer.outer, stamp};
}

/// Where stage `From` of a fragment puts what it emits: into the next one, or out of the fragment.
template <class Refs, class Outer, std::size_t From>
struct InnerOut {
  Refs& stages;
  Outer& outer;
  std::uint64_t& ended;

  template <class V>
  SIDESTEP_INLINE void operator()(const V& value) const {
    if constexpr (From + 1 < Refs::count)
      next(value, outer);
    else
      outer(value);
  }
  template <class V>
  void at(Nanoseconds stamp, const V& value) const {
    if constexpr (From + 1 < Refs::count) {
      auto moment = at_moment(outer, stamp);
      next(value, moment);
    } else
      outer.at(stamp, value);
  }
  SIDESTEP_INLINE void done() const { ended |= std::uint64_t{1} << From; }
  SIDESTEP_INLINE Nanoseconds stamp() const { return outer.stamp(); }
  SIDESTEP_INLINE Sequence number() const { return outer.number(); }

 private:
  template <class To>
  SIDESTEP_INLINE void next(const auto& value, To& to) const {
    if (ended_behind(stage<From>(stages))) [[unlikely]]
      return;
    if constexpr (Refs::catching) {
      if constexpr (constexpr std::size_t catcher = Refs::goes_on(From + 1); catcher != nobody)
        return going_on(stage<catcher>(stages), [&] {
          stage<From + 1>(stages)(value, InnerOut<Refs, To, From + 1>{stages, to, ended});
        });
    }
    stage<From + 1>(stages)(value, InnerOut<Refs, To, From + 1>{stages, to, ended});
  }
};

/// The stages of a fragment in which one takes what others throw.
template <class... S>
struct CatchingFragment : Stages<S...> {
  static constexpr bool catching = true;
  static constexpr std::size_t goes_on(std::size_t at) {
    return goes_on_behind<S...>(at, [](std::size_t i) { return i + 1; });
  }
};

template <class S>
concept NeedsClock = requires {
  requires S::wall_time;
};

/// One running copy of a fragment. It isn't the only one, so it looks whether a function in another has ended their
/// pipeline.
template <class F>
class Branch;
template <class R, class... S>
class Branch<Fragment<R, S...>> {
 public:
  using Emits = R;
  static constexpr std::size_t count = sizeof...(S);
  static constexpr bool saveable = (Saveable<S> && ...);
  static constexpr bool wall_time = (NeedsClock<S> || ...);
  static constexpr bool ticks = (Ticks<S> || ...);
  static constexpr bool catching = (Catches<S> || ...);
  static constexpr bool saved = (IsSaved<S> || ...);

  explicit Branch(Fragment<R, S...> fragment) : stages_{std::move(fragment.stages)} {}

  bool over() const noexcept { return over_; }
  /// `out` takes what the fragment emits.
  template <class V>
  void run(const V& value, auto&& out) {
    if (over_ || RunningHandler::stopped()) return;
    std::uint64_t ended = 0;
    if constexpr (count == 0)
      out(value);
    else
      guarded<0>(out, ended, [&] { stage<0>(stages_)(value, inner<0>(out, ended)); });
    if (ended != 0) [[unlikely]]
      settle(ended, out);
  }
  void tick(auto&& out) {
    if (over_) return;
    std::uint64_t ended = 0;
    each([&]<std::size_t I>() {
      if constexpr (requires { stage<I>(stages_).tick(inner<I>(out, ended)); })
        if (!RunningHandler::stopped()) guarded<I>(out, ended, [&] { stage<I>(stages_).tick(inner<I>(out, ended)); });
    });
    if (ended != 0) settle(ended, out);
  }
  void end(auto&& out) {
    if (!over_) settle(0, out);
  }
  /// However it came about; may be called again.
  void closed() {
    each([&]<std::size_t I>() {
      if constexpr (Closes<At<I, S...>>) try {
          stage<I>(stages_).closed();
        } catch (...) {  // there is nobody left to tell
        }
    });
  }
  template <class Subscription>
  void bind(Subscription& subscription, unsigned part) {
    each([&]<std::size_t I>() {
      if constexpr (requires { stage<I>(stages_).bind(subscription, part); })
        stage<I>(stages_).bind(subscription, part);
    });
  }
  void state(auto& archive) requires(saveable) {
    archive(over_);
    each([&]<std::size_t I>() { stage<I>(stages_).state(archive); });
  }

 private:
  using Held = std::conditional_t<catching, CatchingFragment<S...>, Stages<S...>>;
  template <std::size_t I>
  auto inner(auto& out, std::uint64_t& ended) {
    return InnerOut<Held, std::remove_reference_t<decltype(out)>, I>{stages_, out, ended};
  }
  void each(auto&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (f.template operator()<I>(), ...); }
    (std::index_sequence_for<S...>{});
  }
  /// The stages behind the last that said done() come to their end.
  SIDESTEP_APART void settle(std::uint64_t ended, auto&& out) {
    over_ = true;
    each([&]<std::size_t I>() {
      if constexpr (requires { stage<I>(stages_).end(inner<I>(out, ended)); })
        if ((ended >> I) == 0 && !RunningHandler::stopped())
          guarded<I>(out, ended, [&] { stage<I>(stages_).end(inner<I>(out, ended)); });
    });
    closed();
  }
  /// As in Part: what is thrown at stage `From` or behind it goes to the first one that catches and whose own output it
  /// isn't. What is thrown outside of the fragment is the outside's.
  template <std::size_t From>
  SIDESTEP_INLINE void guarded(auto& out, std::uint64_t& ended, auto&& f) {
    if constexpr (!catching)
      f();
    else
      try {
        f();
      } catch (...) {
        if (!recover<From>(message_of(std::current_exception()), out, ended)) throw;
      }
  }
  template <std::size_t I>
  bool recover(const std::string& what, auto& out, std::uint64_t& ended) {
    if constexpr (I >= count)
      return false;
    else {
      if constexpr (Catches<At<I, S...>>) {
        auto& catcher = stage<I>(stages_);
        if (!std::exchange(catcher.inside, false)) {
          guarded<I + 1>(out, ended, [&] { catcher.caught(what, inner<I>(out, ended)); });
          return true;
        }
      }
      return recover<I + 1>(what, out, ended);
    }
  }

  Held stages_;
  bool over_ = false;
};

/// The fragment that `build` makes of a beginning that emits V.
template <class Build, class V>
using FragmentOf = decltype(std::declval<Build&>()(std::declval<Fragment<V>>()));
template <class Build, class V>
concept Builds = requires(Build& build, Fragment<V> in) {
  typename Chained<decltype(build(std::move(in)))>::Value;
};

}  // namespace sidestep::detail
