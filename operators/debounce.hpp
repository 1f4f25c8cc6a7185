#pragma once

#include <sidestep/operators/interval.hpp>
#include <sidestep/operators/storage.hpp>

#include <algorithm>
#include <limits>

namespace sidestep {

struct DebounceOptions {
  std::chrono::nanoseconds longest{
      0};  ///< a value is emitted at the latest so long after the wait began; 0: it may wait for ever
};

namespace detail {

template <class V>
struct Debounce {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "debounce";
  static constexpr bool wall_time = true;
  Nanoseconds length, longest, due = 0, latest = 0;
  Kept<V> last{};
  Debounce(Nanoseconds quiet, Nanoseconds most) : length(quiet), longest(most) {}

  template <class In>
  using out = In;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) {
    if (last) tick(out);
    const Nanoseconds quiet_at = out.stamp() + length;
    if (!last) latest = longest > 0 ? out.stamp() + longest : std::numeric_limits<Nanoseconds>::max();
    due = last ? std::max(due, quiet_at) : quiet_at;
    last.set(value);
  }
  void tick(auto&& out) {
    if (last && out.stamp() >= std::min(due, latest)) last.emit(out);
  }
  void end(auto&& out) {
    if (last) last.emit(out);
  }
  void state(auto& archive) requires Archivable<Stored<V>> {
    archive(due, latest);
    last.state(archive);
  }
  void arguments(auto& show) const {
    show(length);
    if (longest > 0) show(longest);
  }
};

}  // namespace detail

/// Emits a value when nothing has followed it for `quiet`.
///
///   in   --1-2-3-------4----|
///   debounce(3ns)
///   out  ---------3-------4-|
///
///   in   -1-2-3-4-5-6----|
///   debounce(3ns, {.longest = 5ns})
///   out  ------3-----6---|
///
///   in   --1-#-----|
///   debounce(3ns)
///   out  ----#
///
/// A value exactly `quiet` later comes too late to hold the one before it back. One with an earlier stamp replaces the
/// value but doesn't shorten the wait; where none waits its own wait counts from its own stamp. The wait ends with the
/// next event or, when nothing arrives, with a tick. At the end of the stream the value that waits is emitted; an error
/// comes at once, and the value that waits is dropped. Keeps one value. Semantics: RxJava 3 `debounce`.
///
/// `longest`: where values keep coming, the newest is emitted so long after the first that waits; one that comes
/// exactly then, or later, begins the next wait (lodash `debounce` with `maxWait`, which would emit that one already).
struct debounce {
  Nanoseconds length, longest;
  explicit debounce(std::chrono::nanoseconds quiet, DebounceOptions how = {})
      : length(detail::positive(quiet, "debounce")), longest(how.longest.count()) {
    if (longest != 0 && longest < length)
      detail::refuse("debounce", longest, "the longest wait must not be shorter than the quiet that is waited for");
  }

  template <class In>
  requires detail::Storable<In>
  auto place() && { return detail::Debounce<In>(length, longest); }
};

}  // namespace sidestep
