#pragma once

#include <sidestep/bus/running.hpp>
#include <sidestep/operators/flow.hpp>
#include <sidestep/operators/stage.hpp>

#include <bit>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace sidestep::detail {

template <class S>
concept Ticks = requires(S& stage, AnyOut out) {
  stage.tick(out);
};
template <class S>
concept Ends = requires(S& stage, AnyOut out) {
  stage.end(out);
};
template <class S>
concept Announces = requires(S& stage) {
  stage.announce();
};

/// A stage that takes what stages before it throw: `bool inside`, true while what follows it runs, and `caught(what, out)`.
template <class S>
concept Catches = requires { requires S::catches; };
/// A stage that wants to know when its part is over, however that came about: `closed()`, called once or more often.
template <class S>
concept Closes = requires(S& stage) { stage.closed(); };

/// A stage that never asks for the moment of a value: `static constexpr bool timeless = true`.
template <class S>
concept Timeless = requires { requires S::timeless; };

/// What an exception says.
std::string message_of(const std::exception_ptr& error) noexcept;

/// The stages of a chain that one thread runs, fused into one loop over a batch. Each small stage is copied into a
/// local variable of its own for the length of the batch: through `this` its state would be loaded and stored for each
/// event (2 to 4 times slower). A throw abandons the locals, so the state of a part that failed is never used again; a chain that catches
/// goes on behind a throw, so it runs in place.
template <class Flow, class... S>
class Part;

template <class Next, class... Entries, class... S>
class Part<Flow<Next, Entries...>, S...> {
 public:
  using Flow = detail::Flow<Next, Entries...>;
  using Element = typename At<0, Entries...>::Element;
  static constexpr bool saveable = (Saveable<S> && ...);
  static constexpr bool wants_ticks = (Ticks<S> || ...);
  static constexpr bool catching = (Catches<S> || ...);

  explicit Part(Stages<S...> stages) : stages_(std::move(stages)) {}

  bool over() const noexcept { return over_ == Flow::all; }
  const std::exception_ptr& failure() const noexcept { return failure_; }

  /// One stage behind one entry: whose elements are all wanted runs through them without looking at their types.
  static constexpr bool plain = Flow::entries == 1 && sizeof...(S) == 1;
  /// Then each moment needn't be noted, if no stage asks for it: the last one is found afterwards.
  template <bool wanted>
  static constexpr bool timeless = wanted && plain && (Timeless<S> && ...);

  /// Runs elements until they are through, or a stage ended the last stream, or threw; returns how many it has taken.
  template <bool wanted = false>
  SIDESTEP_FLATTEN std::size_t run(std::span<const Element> elements, Context& context) noexcept {
    const Element* at = elements.data();
    const Element* end = at + elements.size();  // a handler that ends its own pipeline moves it back
    RunningHandler* const here = RunningHandler::current();
    if (here != nullptr) here->on_stop([](void* at_end) { *static_cast<const Element**>(at_end) = nullptr; }, &end);
    Context c;
    try {
      while (at < end && !over()) {
        loop<wanted>(at, end, c);
        if (c.ended != 0) [[unlikely]] {
          Context apart = std::exchange(c, {c.stamp, c.number, 0});  // a copy: what escapes can't stay in registers
          settle(apart);
        }
      }
    } catch (...) {
      fail();
    }
    if (here != nullptr) here->forget();
    if constexpr (timeless<wanted>)
      if (at != elements.data()) note(at[-1], c);
    context = c;
    if (over()) [[unlikely]] close();
    announce();
    return static_cast<std::size_t>(at - elements.data());
  }

  void tick(Context& c) {
    each([&]<std::size_t I>() {
      if constexpr (Ticks<At<I, S...>>)
        if ((Flow::reached_from(I) & ~over_) != 0) guarded<I>(c, [&] { stage<I>(stages_).tick(Out<Stages<S...>, Flow, I>{stages_, c}); });
    });
    if (c.ended != 0) settle(c);
    if (over()) close();
    announce();
  }

  /// The stream ends here: what stages still hold is emitted, in their order.
  void complete(Context& c) {
    const std::uint32_t before = over_;
    over_ = Flow::all;
    flush(before, 0, c);
    close();
    announce();
  }
  void cancel() noexcept {
    over_ = Flow::all;
    close();
  }
  void fail() noexcept {
    failure_ = std::current_exception();
    over_ = Flow::all;
    close();
    announce();
  }

  void state(Archive& archive) requires(saveable) {
    archive(over_);
    each([&]<std::size_t I>() { stage<I>(stages_).state(archive); });
  }

  void each(auto&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (f.template operator()<I>(), ...); }
    (std::index_sequence_for<S...>{});
  }
  void each_stage(auto&& f) {
    each([&]<std::size_t I>() { f(stage<I>(stages_)); });
  }
  auto& last() noexcept { return stage<sizeof...(S) - 1>(stages_); }

 private:
  template <bool wanted, std::size_t I = 0, class... L>
  SIDESTEP_INLINE void loop(const Element*& at, const Element*& end, Context& c, L&... locals) {
    if constexpr (I < sizeof...(S)) {
      auto& home = stage<I>(stages_);
      using T = At<I, S...>;
      if constexpr (Small<T> && !catching) {
        T local = home;
        loop<wanted, I + 1>(at, end, c, locals..., local);
        std::construct_at(&home, local);  // a lambda can't be assigned
      } else
        loop<wanted, I + 1>(at, end, c, locals..., home);
    } else
      spin<wanted>(at, end, c, std::index_sequence_for<S...>{}, locals...);
  }

  template <bool wanted, std::size_t... K>
  SIDESTEP_INLINE void spin(const Element*& at, const Element*& end, Context& c, std::index_sequence<K...>,
                            S&... locals) {
    Stages<S&...> refs{Leaf<K, S&>{locals}...};
    if constexpr (plain) {
      // Run by run: within one, nothing that the handler does hangs on a condition, so its sums can stay in registers.
      // (Chains of several stages have conditions of their own, and lose by it.)
      using Only = At<0, Entries...>;
      while (at < end) {
        if (!wanted && !Only::wants(*at)) {
          ++at;
          continue;
        }
        do {
          enter<Only, timeless<wanted>>(refs, *at++, c);
          if (c.ended != 0) [[unlikely]]
            return;
        } while (at < end && (wanted || Only::wants(*at)));
      }
    } else
      while (at < end) {
        const Element& element = *at++;
        ((Entries::wants(element) ? enter<Entries>(refs, element, c) : void()), ...);
        if (c.ended != 0) [[unlikely]]
          return;
      }
  }

  SIDESTEP_INLINE static void note(const Element& element, Context& c) {
    c.stamp = element.stamp;
    c.number = At<0, Entries...>::number(element);
  }

  template <class E, bool noted_later = false, class Refs>
  SIDESTEP_INLINE void enter(Refs& refs, const Element& element, Context& c) {
    if constexpr (Flow::entries > 1) {
      if ((Flow::reached_from(E::target) & ~over_) == 0 || (c.ended & Flow::trunk()) != 0) [[unlikely]]
        return;
    }
    if constexpr (!noted_later) note(element, c);
    guarded<E::target>(c, [&] { stage<E::target>(refs)(E::value(element), Out<Refs, Flow, E::target>{refs, c}); });
  }

  /// Runs what enters at stage `From`; what is thrown there goes to the first stage behind it that catches.
  template <std::size_t From>
  SIDESTEP_INLINE void guarded(Context& c, auto&& f) {
    if constexpr (!catching) f();
    else
      try {
        f();
      } catch (...) {
        if (!recover<From>(message_of(std::current_exception()), c)) throw;
      }
  }
  template <std::size_t I>
  bool recover(const std::string& what, Context& c) {
    if constexpr (I >= sizeof...(S)) return false;
    else {
      if constexpr (Catches<At<I, S...>>) {
        auto& catcher = stage<I>(stages_);
        if (!std::exchange(catcher.inside, false)) {  // else what it emitted was thrown at
          guarded<Flow::next[I]>(c, [&] { catcher.caught(what, Out<Stages<S...>, Flow, I>{stages_, c}); });
          return true;
        }
      }
      return recover<Flow::next[I]>(what, c);
    }
  }

  /// Stages have said done(): their own branch of the stream is over, and the rest of it if no other branch is left.
  SIDESTEP_APART void settle(Context& c) {
    while (c.ended != 0) {
      const std::uint64_t ended = std::exchange(c.ended, 0);
      const std::uint32_t before = over_;
      each([&]<std::size_t I>() {
        if ((ended >> I & 1) != 0) over_ |= Flow::reached_from(I);
      });
      flush(before, ended, c);
    }
  }

  /// Calls end() of the stages that have nothing before them any more and whose stream wasn't ended behind them.
  SIDESTEP_APART void flush(std::uint32_t before, std::uint64_t ended, Context& c) {
    each([&]<std::size_t I>() {
      if constexpr (Ends<At<I, S...>>) {
        constexpr std::uint32_t mine = Flow::reached_from(I);
        if ((mine & ~over_) != 0 || (mine & ~before) == 0) return;
        bool ended_behind = false;
        each([&]<std::size_t J>() {
          if constexpr (J >= I && (mine & ~Flow::reached_from(J)) == 0)
            ended_behind |= ((ended | c.ended) >> J & 1) != 0;
        });
        if (!ended_behind) guarded<I>(c, [&] { stage<I>(stages_).end(Out<Stages<S...>, Flow, I>{stages_, c}); });
      }
    });
  }

  SIDESTEP_APART void close() noexcept {
    each_stage([](auto& stage) {
      if constexpr (Closes<std::remove_reference_t<decltype(stage)>>) try {
          stage.closed();
        } catch (...) {  // there is nobody left to tell
        }
    });
  }
  void announce() noexcept {
    if constexpr (Announces<At<sizeof...(S) - 1, S...>>) last().announce();
  }

  Stages<S...> stages_;
  std::uint32_t over_ = 0;  // bit e: nothing comes through entry e any more
  std::exception_ptr failure_;
};

}  // namespace sidestep::detail
