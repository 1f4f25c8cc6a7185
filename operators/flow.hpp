#pragma once

#include <sidestep/bus/event.hpp>
#include <sidestep/bus/running.hpp>
#include <sidestep/operators/catching.hpp>
#include <sidestep/operators/describe.hpp>
#include <sidestep/operators/stages.hpp>

#include <array>
#include <cstdint>
#include <limits>

/// Which stage follows which, and where values come in.
namespace sidestep::detail {

inline constexpr std::size_t open_end = std::numeric_limits<std::size_t>::max();  ///< "the stage that is appended next"

/// Events of these types enter the chain at stage `Target`.
template <std::size_t Target, Event... E>
struct Entry {
  using Element = Slot;
  static constexpr std::size_t target = Target;
  template <std::size_t New>
  using at = Entry<New, E...>;

  SIDESTEP_INLINE static bool wants(const Slot& slot) { return ((slot.type == event_id<E>) || ...); }
  SIDESTEP_INLINE static Sequence number(const Slot& slot) { return slot.sequence; }
  SIDESTEP_INLINE static decltype(auto) value(const Slot& slot) {
    if constexpr (sizeof...(E) == 1)
      return (slot.template as<E>(), ...);
    else
      return OneOf<E...>(slot);
  }
  using Value = std::remove_cvref_t<decltype(value(std::declval<const Slot&>()))>;
};

template <class Next, class... Entries>
struct Flow;
template <std::size_t... Next, class... Entries>
struct Flow<std::index_sequence<Next...>, Entries...> {
  static_assert(sizeof...(Next) <= 64, "a chain has at most 64 stages");
  static_assert(sizeof...(Entries) <= 32, "merge takes at most 32 sources");
  static constexpr std::size_t entries = sizeof...(Entries);
  static constexpr std::array<std::size_t, sizeof...(Next) + 1> next{Next..., open_end};
  static constexpr std::array<std::size_t, entries> targets{Entries::target...};
  static constexpr std::array<std::string_view, entries> types{type_name<typename Entries::Value>()...};
  static constexpr std::uint32_t all = static_cast<std::uint32_t>((std::uint64_t{1} << entries) - 1);

  /// Bit e: what enters at entry e comes to stage i.
  static constexpr std::array<std::uint32_t, sizeof...(Next) + 1> reached = [] {
    std::array<std::uint32_t, sizeof...(Next) + 1> masks{};
    for (std::size_t e = 0; e < entries; ++e)
      for (std::size_t at = targets[e]; at < sizeof...(Next); at = next[at]) masks[at] |= std::uint32_t{1} << e;
    return masks;
  }();
  /// Bit i: stage i sees what every entry brings.
  static constexpr std::uint64_t trunk = [] {
    std::uint64_t mask = 0;
    for (std::size_t i = 0; i < sizeof...(Next); ++i) mask |= std::uint64_t{reached[i] == all} << i;
    return mask;
  }();
  /// Bit j: what stage i emits comes to stage j, or it is stage i itself.
  static constexpr std::uint64_t behind(std::size_t i) {
    std::uint64_t mask = 0;
    for (std::size_t j = i; j < sizeof...(Next); ++j) mask |= std::uint64_t{(reached[i] & ~reached[j]) == 0} << j;
    return mask;
  }
};

template <class F>
struct Appended;  // the flow with one stage more: every open end leads to it
template <std::size_t... Next, class... Entries>
struct Appended<Flow<std::index_sequence<Next...>, Entries...>> {
  static constexpr std::size_t count = sizeof...(Next);
  using type = Flow<std::index_sequence<(Next == open_end ? count : Next)..., open_end>,
                    typename Entries::template at<(Entries::target == open_end ? count : Entries::target)>...>;
};

constexpr std::size_t shifted(std::size_t at, std::size_t by) { return at == open_end ? at : at + by; }

template <class A, class B>
struct Joined;  // two flows side by side
template <std::size_t... I, class... E, std::size_t... K, class... G>
struct Joined<Flow<std::index_sequence<I...>, E...>, Flow<std::index_sequence<K...>, G...>> {
  static constexpr std::size_t by = sizeof...(I);
  using type =
      Flow<std::index_sequence<I..., shifted(K, by)...>, E..., typename G::template at<shifted(G::target, by)>...>;
};

/// A moment, and what came of it.
struct Context {
  Nanoseconds stamp = 0;
  Sequence number = 0;
  std::uint64_t ended = 0;  ///< bit i: stage i has said done()

  Nanoseconds moment() const { return stamp; }
  Sequence number_of() const { return number; }
};

/// The same for an element in the loop over a batch: of its moment nothing is read but what a stage asks for.
template <class Entry>
struct AtElement {
  const typename Entry::Element& element;
  std::uint64_t ended = 0;

  SIDESTEP_INLINE Nanoseconds moment() const { return element.stamp; }
  SIDESTEP_INLINE Sequence number_of() const { return Entry::number(element); }
};

/// A stage that emits one value or none whenever it is called: `static constexpr bool at_most_one = true`.
template <class S>
concept AtMostOne = requires {
  requires S::at_most_one;
};
/// A function behind stage S has ended its own pipeline, and S would emit one value more. (Of a stage that emits one or
/// none there is none.)
template <class S>
SIDESTEP_INLINE bool ended_behind(const S&) noexcept {
  if constexpr (AtMostOne<S>)
    return false;
  else
    return RunningHandler::stopped();
}

/// The stages of a chain in which one takes what others throw.
template <class... S>
struct CatchingStages : Stages<S&...> {
  static constexpr bool catching = true;
  template <class Flow>
  static constexpr std::size_t goes_on(std::size_t at) {
    return goes_on_behind<S...>(at, [](std::size_t i) { return Flow::next[i]; });
  }
};

/// Where stage `From` puts what it emits.
template <class Refs, class Flow, std::size_t From, class Moment = Context>
struct Out {
  Refs& stages;
  Moment& context;

  template <class V>
  SIDESTEP_INLINE void operator()(const V& value) const {
    constexpr std::size_t next = Flow::next[From];
    if constexpr (next < Refs::count) {
      if (ended_behind(stage<From>(stages))) [[unlikely]]
        return;
      if constexpr (Refs::catching) {
        if constexpr (constexpr std::size_t catcher = Refs::template goes_on<Flow>(next); catcher != nobody)
          return going_on(stage<catcher>(stages), [&] {
            stage<next>(stages)(value, Out<Refs, Flow, next, Moment>{stages, context});
          });
      }
      stage<next>(stages)(value, Out<Refs, Flow, next, Moment>{stages, context});
    }
  }
  /// Emits a value of another moment: what follows sees that stamp.
  template <class V>
  void at(Nanoseconds stamp, const V& value) const {
    struct Other : Context {
      Moment& now;
      Other(Nanoseconds then, Moment& at) : Context{then, at.number_of(), at.ended}, now(at) {}
      ~Other() { now.ended = this->ended; }  // also where something throws
    } other(stamp, context);
    Out<Refs, Flow, From>{stages, other}(value);
  }
  SIDESTEP_INLINE void done() const { context.ended |= std::uint64_t{1} << From; }
  SIDESTEP_INLINE Nanoseconds stamp() const { return context.moment(); }
  SIDESTEP_INLINE Sequence number() const { return context.number_of(); }
};

}  // namespace sidestep::detail
