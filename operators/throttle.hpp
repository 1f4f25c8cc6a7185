#pragma once

#include <sidestep/operators/interval.hpp>
#include <sidestep/operators/storage.hpp>

#include <limits>

namespace sidestep {

struct ThrottleOptions {
  bool leading = true;    ///< the value that opens an interval, at once
  bool trailing = false;  ///< the last of the others in it, at its end
};

namespace detail {

struct Throttle {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "throttle";
  static constexpr bool wall_time = true;
  Nanoseconds length, until = std::numeric_limits<Nanoseconds>::min();
  explicit Throttle(Nanoseconds interval) : length(interval) {}

  template <class In>
  using out = In;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    if (out.stamp() < until) return;
    until = out.stamp() + length;
    out(value);
  }
  void state(auto& archive) { archive(until); }
  void arguments(auto& show) const { show(length); }
};

template <class V>
struct ThrottleEdges {
  static constexpr std::string_view label = "throttle(edges)";
  static constexpr bool wall_time = true;
  Nanoseconds length, until = std::numeric_limits<Nanoseconds>::min();
  ThrottleOptions edges;
  Kept<V> last{};
  ThrottleEdges(Nanoseconds interval, ThrottleOptions how) : length(interval), edges(how) {}

  template <class In>
  using out = In;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) {
    if (last) tick(out);
    if (out.stamp() < until) {
      if (edges.trailing) last.set(value);
      return;
    }
    until = out.stamp() + length;
    if (edges.leading)
      out(value);
    else
      last.set(value);
  }
  SIDESTEP_APART void tick(auto&& out) {
    if (!last || out.stamp() < until) return;
    until += length;
    last.emit(out);
  }
  SIDESTEP_APART void end(auto&& out) {
    if (last) last.emit(out);
  }
  void state(auto& archive) requires Archivable<Stored<V>> {
    archive(until);
    last.state(archive);
  }
  void arguments(auto& show) const {
    show(length);
    if (edges.leading) show(std::string_view("leading"));
    if (edges.trailing) show(std::string_view("trailing"));
  }
};

struct ThrottleEdgesOf {
  Nanoseconds length;
  ThrottleOptions edges;
  template <class In>
  requires Storable<In>
  auto place() && { return ThrottleEdges<In>(length, edges); }
};

}  // namespace detail

/// Emits the first value of each interval and drops the rest of it.
///
///   in   --1-2-3-----4--5--|
///   throttle(4ns)
///   out  --1---3-----4-----|
///
///   in   --1-2-3-4------5----|
///   throttle(4ns, {.trailing = true})
///   out  --1---2---4----5----|
///
///   in   --1-2#--|
///   throttle(4ns, {.trailing = true})
///   out  --1--#
///
/// The value that is emitted opens the interval. Time is the event's own stamp, so a replay gives the same output. An
/// event exactly at the end of the interval opens the next one; one with an earlier stamp than the last belongs to the
/// open interval. Keeps a time. Semantics: RxJava 3 `throttleFirst`.
///
/// With `trailing` the last value that came behind the first is emitted at the interval's end, by the next event or by
/// a tick, and opens the next interval there, so that no two come closer than the interval. What waits at the end of
/// the stream is emitted; an error comes at once, and what waits is dropped. Keeps a value. `{.leading = false,
/// .trailing = true}`: the last alone. Semantics: RxJS 7 `throttle` with `{leading, trailing}`, which at the end of the
/// stream waits for the interval's end.
inline detail::Throttle throttle(std::chrono::nanoseconds interval) {
  return detail::Throttle(detail::positive(interval, "throttle"));
}
inline detail::ThrottleEdgesOf throttle(std::chrono::nanoseconds interval, ThrottleOptions edges) {
  if (!edges.leading && !edges.trailing)
    detail::refuse("throttle", interval.count(),
                   "with neither the leading nor the trailing value nothing would come out");
  return {detail::positive(interval, "throttle"), edges};
}
inline detail::Throttle throttle_first(std::chrono::nanoseconds interval) { return throttle(interval); }
/// Both edges of each interval.
inline detail::ThrottleEdgesOf throttle_both(std::chrono::nanoseconds interval) {
  return throttle(interval, {.leading = true, .trailing = true});
}

}  // namespace sidestep
