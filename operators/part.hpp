#pragma once

#include <sidestep/bus/running.hpp>
#include <sidestep/operators/flow.hpp>
#include <sidestep/operators/stage.hpp>

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
/// A stage that wants to know when its part is over, however that came about: `closed()`, called once or more often.
template <class S>
concept Closes = requires(S& stage) {
  stage.closed();
};
/// A stage that wants to know whose it is.
template <class S>
concept Binds = requires(S& stage, Subscription& subscription, unsigned part) {
  stage.bind(subscription, part);
};

/// How a part stands, and what is asked of it once in a while: not part of the loop, and the same for all.
class PartBase {
 public:
  virtual void tick(Context& c) = 0;
  /// The stream ends here: what stages still hold is emitted, in their order.
  virtual void complete(Context& c) = 0;
  virtual void state(Archive& archive) = 0;
  virtual bool saves() const noexcept = 0;
  virtual void bind(Subscription& subscription, unsigned part) = 0;

  bool over() const noexcept { return over_ == all_; }
  const std::exception_ptr& failure() const noexcept { return failure_; }
  void cancel() noexcept;
  /// With the exception that is being handled.
  void fail() noexcept;

 protected:
  explicit PartBase(std::uint32_t all) noexcept : all_(all) {}
  ~PartBase() = default;
  PartBase(PartBase&&) = default;

  virtual void close() noexcept = 0;
  virtual void announce_apart() noexcept = 0;
  /// Calls end() of the stages that have nothing before them any more and whose stream wasn't ended behind them.
  virtual void flush(std::uint32_t before, std::uint64_t ended, Context& c) = 0;
  /// Stages have said done(): their own branch of the stream is over, and the rest of it if no other branch is left.
  /// `reached[i]`: the entries that lead to stage i.
  void settle(const std::uint32_t* reached, std::size_t stages, Context& c);

  std::uint32_t over_ = 0;  // bit e: nothing comes through entry e any more
  std::uint32_t all_;
  std::exception_ptr failure_;
};

/// The stages of a chain that one thread runs, fused into one loop over a batch. Each small stage is copied into a
/// local variable of its own for the length of the batch: through `this` its state would be loaded and stored for each
/// event (2 to 4 times slower). A throw abandons the locals, so the state of a part that failed is never used again; a
/// chain that catches goes on behind a throw, so it runs in place.
template <class Flow, class... S>
class Part;

template <class Next, class... Entries, class... S>
class Part<Flow<Next, Entries...>, S...> final : public PartBase {
 public:
  using Flow = detail::Flow<Next, Entries...>;
  using Element = typename At<0, Entries...>::Element;
  static constexpr bool saveable = (Saveable<S> && ...);
  static constexpr bool wants_ticks = (Ticks<S> || ...);
  static constexpr bool catching = (Catches<S> || ...);
  explicit Part(Stages<S...>&& stages) : PartBase(Flow::all), stages_(std::move(stages)) {}

  /// One stage behind one entry: whose elements are all wanted runs through them without looking at their types.
  static constexpr bool plain = Flow::entries == 1 && sizeof...(S) == 1;

  /// Runs elements until they are through, or a stage ended the last stream, or threw; returns how many it has taken.
  /// `context`: where it ended or threw.
  template <bool wanted = false>
  SIDESTEP_FLATTEN std::size_t run(std::span<const Element> elements, Context& context) noexcept {
    const Element* at = elements.data();
    const Element* end = at + elements.size();  // a handler that ends its own pipeline moves it back
    RunningHandler* const here = RunningHandler::current();
    if (here != nullptr) here->on_stop([](void* at_end) { *static_cast<const Element**>(at_end) = nullptr; }, &end);
    const auto at_last = [&](std::uint64_t ended) {
      return Context{at[-1].stamp, At<0, Entries...>::number(at[-1]), ended};
    };
    try {
      while (at < end && over_ != Flow::all) {
        if (const std::uint64_t ended = loop<wanted>(at, end, every); ended != 0) [[unlikely]] {
          context = at_last(ended);
          settle(Flow::reached.data(), sizeof...(S), context);
        }
      }
    } catch (...) {
      context = at_last(0);
      fail();
    }
    if (here != nullptr) here->forget();
    if (over_ == Flow::all) [[unlikely]]
      close();
    announce();
    return static_cast<std::size_t>(at - elements.data());
  }

  void tick(Context& c) override {
    if constexpr (wants_ticks) tick_each(c, every);
    if (c.ended != 0) settle(Flow::reached.data(), sizeof...(S), c);
    if (over()) close();
    announce();
  }
  void complete(Context& c) override {
    const std::uint32_t before = over_;
    over_ = Flow::all;
    flush(before, 0, c);
    close();
    announce();
  }
  void state(Archive& archive) override {
    if constexpr (saveable) {
      archive(over_);
      state_each(archive, every);
    }
  }
  bool saves() const noexcept override { return saveable; }
  void bind(Subscription& subscription, unsigned part) override {
    if constexpr ((Binds<S> || ...)) bind_each(subscription, part, every);
  }

  auto& last() noexcept { return stage<sizeof...(S) - 1>(stages_); }

 private:
  using Every = std::index_sequence_for<S...>;
  static constexpr Every every{};
  /// Stages as those before them see them, wherever they are.
  using Refs = std::conditional_t<catching, CatchingStages<S...>, Stages<S&...>>;
  using Here = AtElement<At<0, Entries...>>;
  template <class T>
  using Local = std::conditional_t<Small<T> && !catching, T, T&>;

  template <std::size_t... K>
  SIDESTEP_INLINE static Refs refs_of(std::index_sequence<K...>, S&... stages) {
    if constexpr (catching)
      return Refs{{Leaf<K, S&>{stages}...}};
    else
      return Refs{Leaf<K, S&>{stages}...};
  }
  template <std::size_t... K>
  Refs in_place(std::index_sequence<K...>) {
    return refs_of(every, stage<K>(stages_)...);
  }

  /// These return what stages have said done(), if any: bit i is stage i.
  template <bool wanted, std::size_t... K>
  SIDESTEP_INLINE std::uint64_t loop(const Element*& at, const Element*& end, std::index_sequence<K...>) {
    return spin<wanted>(at, end, every, stage<K>(stages_)...);
  }
  template <bool wanted, std::size_t... K>
  SIDESTEP_INLINE std::uint64_t spin(const Element*& at, const Element*& end, std::index_sequence<K...>,
                                     Local<S>... locals) {
    Refs refs = refs_of(every, locals...);
    const std::uint64_t ended = turn<wanted>(at, end, refs);
    (put_back(stage<K>(stages_), locals), ...);
    return ended;
  }
  template <class T>
  SIDESTEP_INLINE static void put_back([[maybe_unused]] T& home, [[maybe_unused]] T& local) {
    if constexpr (!std::is_reference_v<Local<T>>) std::construct_at(&home, local);  // a lambda can't be assigned
  }

  template <bool wanted>
  SIDESTEP_INLINE std::uint64_t turn(const Element*& at, const Element*& end, Refs& refs) {
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
          Here c{*at++};
          enter<Only>(refs, c);
          if (c.ended != 0) [[unlikely]]
            return c.ended;
        } while (at < end && (wanted || Only::wants(*at)));
      }
    } else
      while (at < end) {
        Here c{*at++};
        // by several entries, until a function behind one of them has ended the pipeline
        (((Flow::entries == 1 || end != nullptr) && Entries::wants(c.element) ? enter<Entries>(refs, c) : void()), ...);
        if (c.ended != 0) [[unlikely]]
          return c.ended;
      }
    return 0;
  }

  template <class E>
  SIDESTEP_INLINE void enter(Refs& refs, Here& c) {
    if constexpr (Flow::entries > 1) {
      if ((Flow::reached[E::target] & ~over_) == 0 || (c.ended & Flow::trunk) != 0) [[unlikely]]
        return;
    }
    guarded<E::target>(c, [&] {
      stage<E::target>(refs)(E::value(c.element), Out<Refs, Flow, E::target, Here>{refs, c});
    });
  }

  /// Runs what enters at stage `From`; what is thrown there goes to the first stage behind it that catches.
  template <std::size_t From>
  SIDESTEP_INLINE void guarded(auto& c, auto&& f) {
    if constexpr (!catching)
      f();
    else
      try {
        f();
      } catch (...) {
        if (!recover<From>(message_of(std::current_exception()), c)) throw;
      }
  }
  template <std::size_t I>
  bool recover(const std::string& what, auto& c) {
    if constexpr (I >= sizeof...(S))
      return false;
    else {
      if constexpr (Catches<At<I, S...>>) {
        auto& catcher = stage<I>(stages_);
        if (!std::exchange(catcher.inside, false)) {  // else what it emitted was thrown at
          Refs refs = in_place(every);
          guarded<Flow::next[I]>(c, [&] {
            catcher.caught(what, Out<Refs, Flow, I, std::remove_reference_t<decltype(c)>>{refs, c});
          });
          return true;
        }
      }
      return recover<Flow::next[I]>(what, c);
    }
  }

  template <std::size_t... K>
  void tick_each(Context& c, std::index_sequence<K...>) {
    Refs refs = in_place(every);
    (tick_one<K>(refs, c), ...);
  }
  template <std::size_t I>
  void tick_one([[maybe_unused]] Refs& refs, [[maybe_unused]] Context& c) {
    if constexpr (Ticks<At<I, S...>>)
      if ((Flow::reached[I] & ~over_) != 0 && !RunningHandler::stopped())
        guarded<I>(c, [&] { stage<I>(stages_).tick(Out<Refs, Flow, I>{refs, c}); });
  }

  SIDESTEP_APART void flush(std::uint32_t before, std::uint64_t ended, Context& c) override {
    if constexpr ((Ends<S> || ...)) flush_each(before, ended, c, every);
  }
  template <std::size_t... K>
  void flush_each(std::uint32_t before, std::uint64_t ended, Context& c, std::index_sequence<K...>) {
    Refs refs = in_place(every);
    (flush_one<K>(refs, before, ended, c), ...);
  }
  template <std::size_t I>
  void flush_one([[maybe_unused]] Refs& refs, [[maybe_unused]] std::uint32_t before,
                 [[maybe_unused]] std::uint64_t ended, [[maybe_unused]] Context& c) {
    if constexpr (Ends<At<I, S...>>) {
      constexpr std::uint32_t mine = Flow::reached[I];
      constexpr std::uint64_t behind = Flow::behind(I);
      if ((mine & ~over_) == 0 && (mine & ~before) != 0 && ((ended | c.ended) & behind) == 0 &&
          !RunningHandler::stopped())
        guarded<I>(c, [&] { stage<I>(stages_).end(Out<Refs, Flow, I>{refs, c}); });
    }
  }

  template <std::size_t... K>
  void state_each(Archive& archive, std::index_sequence<K...>) {
    (stage<K>(stages_).state(archive), ...);
  }
  template <std::size_t... K>
  void bind_each(Subscription& subscription, unsigned part, std::index_sequence<K...>) {
    (bind_one(stage<K>(stages_), subscription, part), ...);
  }
  template <class T>
  static void bind_one(T& stage, Subscription& subscription, unsigned part) {
    if constexpr (Binds<T>) stage.bind(subscription, part);
  }

  SIDESTEP_APART void close() noexcept override {
    if constexpr ((Closes<S> || ...)) close_each(every);
  }
  template <std::size_t... K>
  void close_each(std::index_sequence<K...>) noexcept {
    (close_one(stage<K>(stages_)), ...);
  }
  template <class T>
  static void close_one(T& stage) noexcept {
    if constexpr (Closes<T>) try {
        stage.closed();
      } catch (...) {  // there is nobody left to tell
      }
  }
  void announce() noexcept {
    if constexpr (Announces<At<sizeof...(S) - 1, S...>>) last().announce();
  }
  void announce_apart() noexcept override { announce(); }

  Stages<S...> stages_;
};

}  // namespace sidestep::detail
