#pragma once

#include <sidestep/operators/interval.hpp>
#include <sidestep/operators/queue.hpp>

namespace sidestep {

struct DelayOptions {
  std::int64_t capacity = 4096;  ///< values that may wait; beyond, the oldest is emitted before its time
};

namespace detail {

template <class V>
struct Delay {
  static constexpr std::string_view label = "delay";
  static constexpr bool wall_time = true;
  Nanoseconds length;
  Queue<V> values;
  Queue<Nanoseconds> dues;
  Delay(Nanoseconds wait, std::int64_t capacity) : length(wait), values(capacity), dues(capacity) {}

  template <class In>
  using out = In;
  void operator()(const V& value, auto&& out) {
    release(out, values.full());
    values.push(value);
    dues.push(out.stamp() + length);
  }
  void tick(auto&& out) { release(out, false); }
  void end(auto&& out) {
    while (!values.empty()) release(out, true);
  }
  void state(auto& archive) requires Archivable<Stored<V>> {
    values.state(archive);
    dues.state(archive);
    if (values.size() != dues.size()) throw ArchiveError("the state of delay holds values without their times.");
  }
  void arguments(auto& show) const { show(length, values.capacity()); }

 private:
  /// Emits the first if it must, and all that are due.
  SIDESTEP_INLINE void release(auto&& out, bool must) {
    while (!values.empty() && (must || dues.front() <= out.stamp())) {
      must = false;
      dues.pop();
      const Stored<V> taken = values.pop();
      out(Storage<V>::load(taken));
    }
  }
};

}  // namespace detail

/// Emits each value `wait` later, in their order.
///
///   in   -1-2-3------4------|
///   delay(4ns)
///   out  -----1-2-3------4--|
///
///   in   -1-2--#--|
///   delay(4ns)
///   out  -----1#
///
/// A value is emitted by the first event or tick `wait` after its stamp or later, before that event. One with an
/// earlier stamp than the one before it still comes behind it. When `capacity` values wait (4096 unless said:
/// `delay(1s, {.capacity = 100})`), the oldest is emitted before its time for the next one: none is lost. What waits at
/// the end of the stream is emitted at once; RxJava and RxJS delay the end too. An error comes at once, and what waits
/// is dropped. Keeps `capacity` values. Semantics: RxJava 3 `delay`.
struct delay {
  Nanoseconds length;
  DelayOptions options;
  explicit delay(std::chrono::nanoseconds wait, DelayOptions how = {})
      : length(detail::positive(wait, "delay")), options(how) {
    if (how.capacity < 1 || how.capacity > (std::int64_t{1} << 30))
      detail::refuse("delay", how.capacity, "the capacity must lie between 1 and 2^30 values");
  }

  template <class In>
  requires detail::Storable<In>
  auto place() && { return detail::Delay<In>(length, options.capacity); }
};

}  // namespace sidestep
