#pragma once

#include <sidestep/operators/stage.hpp>

#include <array>
#include <tuple>

namespace sidestep {

namespace detail {

template <class V, std::size_t n>
struct StartWith {
  static constexpr std::string_view label = "start_with";
  std::array<V, n> values;
  bool begun = false;
  explicit StartWith(std::array<V, n> first) : values(std::move(first)) {}

  template <class In>
  using out = In;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) {
    std::size_t at = std::exchange(begun, true) ? n : 0;
    do out(at < n ? values[at] : value);  // one site
    while (at++ < n);
  }
  void end(auto&& out) {
    if (std::exchange(begun, true)) return;
    for (const V& value : values) out(value);
  }
  void state(auto& archive) { archive(begun); }
  void arguments(auto& show) const {
    if constexpr (std::is_arithmetic_v<V>)
      for (const V& value : values) show(value);
  }
};

template <class... A>
requires(sizeof...(A) > 0) struct StartWithOf {
  std::tuple<A...> values;
  explicit StartWithOf(A... first) : values(std::move(first)...) {}

  template <class In>
  requires std::copyable<In> &&(std::convertible_to<const A&, In>&&...) auto place() && {
    return std::apply(
        [](const A&... first) {
          return StartWith<In, sizeof...(A)>(std::array<In, sizeof...(A)>{static_cast<In>(first)...});
        },
        values);
  }
};

}  // namespace detail

/// Emits these values before the first one that comes.
///
///   in   -----1----2--|
///   start_with(7, 8)
///   out  -----781--2--|
///
///   in   -----|
///   start_with(7)
///   out  -----7|
///
/// A pipeline here doesn't begin at a moment of its own, so they come when the first value does and with its stamp, or
/// at the end of the stream if there was none. They become values of the stream's type. Keeps a bool beside them.
/// Semantics: RxJava 3 `startWithArray`, which emits them at once.
template <class... A>
requires(sizeof...(A) > 0) detail::StartWithOf<A...> start_with(A... values) {
  return detail::StartWithOf<A...>(std::move(values)...);
}

}  // namespace sidestep
