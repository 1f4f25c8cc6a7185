#pragma once

#include <sidestep/operators/interval.hpp>
#include <sidestep/operators/storage.hpp>

#include <algorithm>

namespace sidestep {

namespace detail {

template <class V>
struct Debounce {
  static constexpr std::string_view label = "debounce";
  static constexpr bool wall_time = true;
  Nanoseconds length, due = 0;
  Kept<V> last{};
  explicit Debounce(Nanoseconds quiet) : length(quiet) {}

  template <class In>
  using out = In;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) {
    if (last) tick(out);
    due = last ? std::max(due, out.stamp() + length) : out.stamp() + length;
    last.set(value);
  }
  void tick(auto&& out) {
    if (!last || out.stamp() < due) return;
    const Kept<V> taken = last.take();
    out(taken.get());
  }
  void end(auto&& out) {
    if (!last) return;
    const Kept<V> taken = last.take();
    out(taken.get());
  }
  void state(auto& archive) requires Archivable<Stored<V>> {
    archive(due);
    last.state(archive);
  }
  void arguments(auto& show) const { show(length); }
};

}  // namespace detail

/// Emits a value when nothing has followed it for `quiet`.
///
///   in   --1-2-3-------4----|
///   debounce(3ns)
///   out  ---------3-------4-|
///
/// A value exactly `quiet` later comes too late to hold the one before it back. One with an earlier stamp replaces the
/// value but doesn't shorten the wait. The wait ends with the next event or, when nothing arrives, with a tick. At the
/// end of the stream the value that waits is emitted. Keeps one value. Semantics: RxJava 3 `debounce`.
struct debounce {
  Nanoseconds length;
  explicit debounce(std::chrono::nanoseconds quiet) : length(detail::positive(quiet, "debounce")) {}

  template <class In>
  requires detail::Storable<In>
  auto place() && { return detail::Debounce<In>(length); }
};

}  // namespace sidestep
