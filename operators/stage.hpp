#pragma once

#include <sidestep/bus/archive.hpp>
#include <sidestep/bus/payload.hpp>
#include <sidestep/bus/types.hpp>
#include <sidestep/operators/inline.hpp>

#include <array>
#include <concepts>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

/// What a stage is. Yours, in a few lines:
///
///   struct rising {                                        // emits what is greater than the value before it
///     double last = -1e300;
///     template <class In> using out = In;                  // the type that it emits
///     void operator()(double value, auto&& out) {
///       if (value > last) out(value);
///       last = value;
///     }
///     void state(auto& archive) { archive(last); }         // saves and loads; without it no checkpoint and no decide
///   };
///   bus.on<BatchEnd>() | map(&BatchEnd::loss) | rising{} | subscribe(print);
///
/// `out(value)` emits, `out.done()` ends the stream, `out.stamp()` and `out.number()` are the time and number of the
/// event that caused this call (for a tick: its time, and the number of the last event before it); `out.at(stamp,
/// value)` emits a value of another moment. Optional members:
///
///   void tick(auto&& out)              called now and then although nothing arrives: fire what waited for out.stamp()
///   void end(auto&& out)               the stream ends: emit what is left
///   static constexpr bool wall_time    true: what it emits depends on clocks: it can't stand before `decide` under lag
///   static constexpr std::string_view label, void arguments(auto& show) const    for describe(): label(arguments)
///   static constexpr bool at_most_one  true: whenever it is called it emits one value or none; saves a look at each
///   template <class In> auto place() &&  for a state of its input's type: returns the stage to use instead of this
namespace sidestep {

/// An operator was given an argument that makes no sense.
struct OperatorError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

namespace detail {

/// From one stamp to a later one. Stamps since 1970 are too great to be told apart as doubles, and some two are further
/// apart than an integer holds.
inline double nanoseconds_between(Nanoseconds from, Nanoseconds to) {
  return static_cast<double>(static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from));
}
/// Throws OperatorError: "every(0): n must be at least 1". Kept out of the templates.
[[noreturn]] void refuse(std::string_view what, std::int64_t argument, std::string_view why);
[[noreturn]] void refuse_real(std::string_view what, double argument, std::string_view why);
}  // namespace detail

/// Stands for any `out` in a concept.
struct AnyOut {
  template <class V>
  void operator()(const V&) const;
  template <class V>
  void at(Nanoseconds, const V&) const;
  void done() const;
  Nanoseconds stamp() const;
  Sequence number() const;
};

/// Can `Op` take what the stage before it emits?
template <class Op, class In>
concept Accepts = requires(Op& op, const In& value, AnyOut out) {
  typename Op::template out<In>;
  op(value, out);
};

/// A stage that ends a chain: nothing follows it.
template <class Op>
concept End = requires {
  typename Op::is_end;
};

template <class Op>
concept Saveable = requires(Op& op, Archive& archive) {
  op.state(archive);
};

/// A functor without state, so that there is nothing to save of it. For captures that are constants: pure(f).
template <class F>
concept Stateless = std::is_empty_v<F> || std::is_member_pointer_v<F> || requires {
  typename F::is_pure;
};

/// A functor whose state is known: there is none, or it has a `state(archive)` of its own.
template <class F>
concept KnownState = Stateless<F> || Saveable<F>;

/// What an Archive can save and load. A payload is in no checkpoint: what refers to one would refer to another in the
/// run that goes on. One that lies in your own struct under another name than `payload` isn't seen.
template <class T>
inline constexpr bool archivable = Saveable<T> || std::same_as<T, std::string> ||
                                   (std::is_trivially_copyable_v<T> && !std::is_pointer_v<T> && !CarriesPayload<T> &&
                                    !std::same_as<T, PayloadRef>);
template <class T>
inline constexpr bool archivable<std::vector<T>> = archivable<T>;
template <class A, class B>
inline constexpr bool archivable<std::pair<A, B>> = archivable<A>&& archivable<B>;
template <class T, std::size_t N>
// these are saved as their bytes
inline constexpr bool archivable<std::array<T, N>> = std::is_trivially_copyable_v<T>&& archivable<T>;
template <class T>
inline constexpr bool archivable<std::optional<T>> = std::is_trivially_copyable_v<T>&& archivable<T>;
template <class... T>
inline constexpr bool archivable<std::variant<T...>> = std::is_trivially_copyable_v<std::variant<T...>> &&
                                                       (archivable<T> && ...);
template <class T>
concept Archivable = archivable<T>;

/// What lives in a local variable for the length of a batch; anything else stays where it is.
template <class T>
concept Small = std::is_trivially_copyable_v<T> && sizeof(T) <= 64;

namespace detail {

/// What can be wrong with a stage where it stands (refused.hpp has the words). One that can't be placed may say which
/// it is: `why<V>`.
enum class Wrong {
  nothing,
  lacks_window,
  lacks_statistic,
  no_number,
  no_number_in_stats,
  lacks_equality,
  returns_nothing,
  error_text,
  handover_within,
  decide_within,
  stage_keeps,
  stage_unsaved,
  end_unsaved,
  not_called,
  no_stage,
  lacks_out,
  takes_no_out,
  answer,
  joins,
  behind_the_end,
  input
};

template <class F>
struct Pure {
  using is_pure = void;
  F f;
  explicit Pure(F function) : f(std::move(function)) {}
  template <class... A>
  requires std::invocable<const F&, const A&...> SIDESTEP_INLINE decltype(auto) operator()(const A&... a) const {
    return f(a...);
  }
};

}  // namespace detail

/// Says that what `f` captured are constants: equal in every run with the same program and options.
template <class F>
detail::Pure<F> pure(F f) {
  return detail::Pure<F>(std::move(f));
}

namespace detail {

template <class F, class A, class... B>
SIDESTEP_INLINE decltype(auto) call(F& f, const A& a, const B&... b) {
  if constexpr (std::is_member_object_pointer_v<F>)
    return a.*f;
  else if constexpr (std::is_member_function_pointer_v<F>)
    return (a.*f)();
  else
    return f(a, b...);
}

template <class F, class... A>
SIDESTEP_APART void call_apart(F& f, const A&... a) {
  f(a...);
}

/// A small functor becomes part of the loop; one that holds strings, files, tables is presumed to do more, and stays a
/// call.
template <class F, class A>
SIDESTEP_INLINE void call_sink(F& f, const A& a) {
  if constexpr (Small<F>)
    (void)call(f, a);
  else
    call_apart(f, a);
}

/// For describe(): predicates that have a text() show it.
template <class F>
void show_functor(auto& show, const F& f) {
  if constexpr (requires { f.text(); }) show(f.text());
}

template <class F>
void functor_state(F& f, auto& archive) {
  if constexpr (Saveable<F>) f.state(archive);
}

/// What `Op` becomes behind a stage that emits V.
template <class V, class Op>
auto place(Op&& op) {
  if constexpr (requires { std::move(op).template place<V>(); })
    return std::move(op).template place<V>();
  else
    return std::move(op);
}
template <class V, class Op>
using Placed = decltype(place<V>(std::declval<Op>()));

}  // namespace detail
}  // namespace sidestep
