#pragma once

#include <sidestep/operators/stage.hpp>

#include <limits>

namespace sidestep {

/// For collect(values, unbounded): you know that it grows.
struct Unbounded {};
inline constexpr Unbounded unbounded{};

namespace detail {

[[noreturn]] void too_many_collected(std::int64_t most);

template <class T>
struct Collect {
  static constexpr std::string_view label = "collect";
  using is_end = void;
  std::vector<T>* into;
  std::int64_t left, most;

  Collect(std::vector<T>& values, std::int64_t n) : into(&values), left(n), most(n) {}
  template <class In>
  requires std::convertible_to<const In&, T>
  using out = void;
  template <class In>
  void operator()(const In& value, auto&&) {
    if (--left < 0) too_many_collected(most);
    into->push_back(value);
  }
  void arguments(auto& show) const {
    if (most == std::numeric_limits<std::int64_t>::max())
      show(std::string_view("unbounded"));
    else
      show(most);
  }
};

}  // namespace detail

/// Ends a chain: appends each value to a vector of yours, which must outlive the pipeline; read it after `flush()` or
/// `close()`.
///
///   in   --1--2--3--|
///   collect(values, 100)
///   out  -----------[1,2,3]      what it holds at the end
///
/// One more than `most` fails the pipeline; `collect(values, unbounded)` takes all. In a row of stages, all chains that
/// it is put behind fill the same vector. Keeps `most` values at most, in that vector, which grows as they come.
/// Semantics: RxJava 3 `collect`, handed over as it fills.
template <class T>
detail::Collect<T> collect(std::vector<T>& into, std::int64_t most) {
  if (most < 1) detail::refuse("collect", most, "room for at least 1 value");
  return {into, most};
}
template <class T>
detail::Collect<T> collect(std::vector<T>& into, Unbounded) {
  return {into, std::numeric_limits<std::int64_t>::max()};
}

}  // namespace sidestep
