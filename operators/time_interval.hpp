#pragma once

#include <sidestep/operators/storage.hpp>

namespace sidestep {

/// A value and the time that passed before it came.
template <class V>
struct TimeInterval {
  V value{};
  Nanoseconds interval = 0;

  friend bool operator==(const TimeInterval&, const TimeInterval&) = default;
  void state(auto& archive) requires Archivable<V> { archive(value, interval); }
};
template <class V>
inline constexpr bool archivable<TimeInterval<V>> = archivable<V>;

namespace detail {

/// One that is only seen (an event of several types) is kept with what it stands for.
template <class V>
requires(!std::same_as<Stored<V>, V>) struct Storage<TimeInterval<V>> {
  using type = TimeInterval<Stored<V>>;
  static type store(const TimeInterval<V>& value) { return {Storage<V>::store(value.value), value.interval}; }
  static TimeInterval<V> load(const type& stored) { return {Storage<V>::load(stored.value), stored.interval}; }
};

}  // namespace detail

/// Emits each value with the time since the one before it, as TimeInterval{value, interval}.
///
///   in   -1---2-----3----|
///   time_interval()
///   out  -1+0-2+4---3+6--|
///
/// Time is the events' own stamps, so a replay gives the same. The first interval is 0: there is nothing before it. A
/// value whose stamp lies before the latest one has the interval 0 and doesn't set that back, so all intervals together
/// are the time from the first value to the latest. Keeps a time. Semantics: RxJava 3 `timeInterval`, whose first
/// interval begins with the subscription.
struct time_interval {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "time_interval";
  static constexpr bool wall_time = true;
  Nanoseconds latest = 0;
  bool begun = false;

  template <class In>
  using out = TimeInterval<In>;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    const Nanoseconds now = begun && out.stamp() < latest ? latest : out.stamp();
    const Nanoseconds interval = begun ? now - latest : 0;
    latest = now;
    begun = true;
    out(TimeInterval<In>{value, interval});
  }
  void state(auto& archive) { archive(latest, begun); }
};

}  // namespace sidestep
