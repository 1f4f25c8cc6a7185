#pragma once

#include <sidestep/operators/interval.hpp>
#include <sidestep/operators/storage.hpp>

namespace sidestep {

namespace detail {

template <class V>
struct Audit {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "audit";
  static constexpr bool wall_time = true;
  Nanoseconds length, due = 0;
  Kept<V> last{};
  explicit Audit(Nanoseconds wait) : length(wait) {}

  template <class In>
  using out = In;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) {
    if (last) tick(out);
    if (!last) due = out.stamp() + length;
    last.set(value);
  }
  void tick(auto&& out) {
    if (last && out.stamp() >= due) last.emit(out);
  }
  void end(auto&& out) {
    if (last) last.emit(out);
  }
  void state(auto& archive) requires Archivable<Stored<V>> {
    archive(due);
    last.state(archive);
  }
  void arguments(auto& show) const { show(length); }
};

}  // namespace detail

/// A value opens an interval; at its end the newest value is emitted, and the next one opens another.
///
///   in   -1-2-3---4---------5--|
///   audit(4ns)
///   out  -----2---3---4--------5|
///
///   in   -1-2#---|
///   audit(4ns)
///   out  ----#
///
/// A value exactly at the interval's end comes too late for it and opens the next; one with an earlier stamp belongs to
/// the open interval, and where there is none opens one at its own stamp. It ends with the next event or, when nothing
/// arrives, with a tick. At the end of the stream the value that waits is emitted (RxJS waits for the interval's end
/// first); an error comes at once, and the value that waits is dropped. Keeps one value. Semantics: RxJS 7 `auditTime`.
struct audit {
  Nanoseconds length;
  explicit audit(std::chrono::nanoseconds wait) : length(detail::positive(wait, "audit")) {}

  template <class In>
  requires detail::Storable<In>
  auto place() && { return detail::Audit<In>(length); }
};

}  // namespace sidestep
