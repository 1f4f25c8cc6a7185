#pragma once

#include <sidestep/operators/placed_window.hpp>

#include <algorithm>

namespace sidestep {

namespace detail {

template <class V>
struct SessionWindow;
struct SessionSpec {
  Nanoseconds gap;
  template <class V>
  using Stage = SessionWindow<V>;
};

template <class V>
struct SessionWindow {
  static constexpr std::string_view label = "window(session)";
  static constexpr bool wall_time = true;
  Nanoseconds gap, due = 0;
  bool open = false;
  explicit SessionWindow(SessionSpec spec) : gap(spec.gap) {}

  template <class In>
  using out = Windowed<In, WindowKind::timed>;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) {
    const Nanoseconds now = out.stamp();
    if (open && now >= due) [[unlikely]]
      tick(out);
    due = open ? std::max(due, now + gap) : now + gap;
    open = true;
    out(Windowed<V, WindowKind::timed>{.enters = &value});
  }
  SIDESTEP_APART void tick(auto&& out) {
    if (!open || out.stamp() < due) return;
    open = false;
    out(Windowed<V, WindowKind::timed>{.emits = true});
  }
  void state(auto& archive) { archive(due, open); }
  void arguments(auto& show) const { show(gap); }
};

}  // namespace detail

/// window(session(gap)): the values that follow each other sooner than `gap`.
inline detail::SessionSpec session(std::chrono::nanoseconds gap) { return {detail::positive(gap, "session")}; }

/// A window of what comes together: it closes when nothing has come for `gap`.
///
///   in   -1-2-3------4-5----|
///   window(session(4ns)) | sum()
///   out  ---------6--------9|
///
/// A value exactly `gap` after the one before it comes too late and opens the next window (as in Apache Beam; Flink
/// would still take it in). One with an earlier stamp belongs to the open window and doesn't shorten it; where none is
/// open it opens one at its own stamp. It is closed by the next event or, when nothing arrives, by a tick; one that is
/// open when the stream ends emits what it has. Keeps a time; a buffer behind it is bounded by `at_most`. Semantics:
/// Flink's event-time session windows of one key.
inline detail::PlacedWindow<detail::SessionSpec> window(detail::SessionSpec spec) { return {spec}; }

}  // namespace sidestep
