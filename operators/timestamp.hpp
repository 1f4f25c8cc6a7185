#pragma once

#include <sidestep/operators/storage.hpp>

namespace sidestep {

/// A value and its event's stamp.
template <class V>
struct Timestamped {
  V value{};
  Nanoseconds stamp = 0;

  friend bool operator==(const Timestamped&, const Timestamped&) = default;
  void state(auto& archive) requires Archivable<V> { archive(value, stamp); }
};
template <class V>
inline constexpr bool archivable<Timestamped<V>> = archivable<V>;

namespace detail {

/// One that is only seen (an event of several types) is kept with what it stands for.
template <class V>
requires(!std::same_as<Stored<V>, V>) struct Storage<Timestamped<V>> {
  using type = Timestamped<Stored<V>>;
  static type store(const Timestamped<V>& value) { return {Storage<V>::store(value.value), value.stamp}; }
  static Timestamped<V> load(const type& stored) { return {Storage<V>::load(stored.value), stored.stamp}; }
};

}  // namespace detail

/// Emits each value with the stamp of its event, as Timestamped{value, stamp}.
///
///   in   -1---2---3---|
///   timestamp()
///   out  -1@1-2@5-3@9-|          (1 at 1 ns, 2 at 5 ns, 3 at 9 ns)
///
/// The stamp is the event's own, in order or not, so a replay gives the same; behind an operator that emits later than
/// its value came (sample, debounce, last), it is that of the event or tick that made it emit. What keeps such a value
/// saves its stamp. Keeps nothing. Semantics: RxJava 3 `timestamp`, in event time.
struct timestamp {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "timestamp";
  static constexpr bool wall_time = true;

  template <class In>
  using out = Timestamped<In>;
  template <class In>
  SIDESTEP_INLINE void operator()(const In& value, auto&& out) {
    out(Timestamped<In>{value, out.stamp()});
  }
  void state(auto&) {}
};

}  // namespace sidestep
