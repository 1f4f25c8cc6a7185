#pragma once

#include <sidestep/operators/placed_window.hpp>
#include <sidestep/operators/queue.hpp>

#include <algorithm>
#include <limits>

namespace sidestep {

struct SlidingTimeOptions {
  std::int64_t at_most = 16'384;  ///< values that a window holds; beyond, the oldest leaves before its time
};

namespace detail {

template <class V>
struct SlidingTimeWindow;
struct SlidingTimeSpec {
  Nanoseconds length, step;
  std::int64_t at_most;
  template <class V>
  using Stage = SlidingTimeWindow<V>;
};

template <class V>
struct SlidingTimeWindow {
  static constexpr std::string_view label = "window(sliding_time)";
  static constexpr bool wall_time = true;
  static constexpr WindowKind kind = WindowKind::sliding;
  Nanoseconds length, step, until = std::numeric_limits<Nanoseconds>::min();  // the end of the window that ends next
  Queue<V> values;                                                            // that are in an open window
  Queue<Nanoseconds> stamps;                                                  // theirs, in order
  Nanoseconds newest = std::numeric_limits<Nanoseconds>::min();
  explicit SlidingTimeWindow(SlidingTimeSpec spec)
      : length(spec.length), step(spec.step), values(spec.at_most), stamps(spec.at_most) {}

  template <class In>
  using out = Windowed<In, WindowKind::sliding>;
  void operator()(const V& value, auto&& out) {
    if (out.stamp() >= until) [[unlikely]] {
      tick(out);
      until = interval_end(out.stamp(), step);
    }
    const Nanoseconds now = out.stamp();
    newest = std::max(
        newest, now < until - step ? std::max(now, until - length) : now);  // late ones: in the window that ends next
    if (values.full()) [[unlikely]]
      leave(out, &value);
    else
      out(message(&value, nullptr, false));
    values.push(value);
    stamps.push(newest);
  }
  SIDESTEP_APART void tick(auto&& out) {
    if (out.stamp() >= until) close_through(out.stamp(), out);
  }
  void end(auto&& out) { close_through(std::numeric_limits<Nanoseconds>::max(), out); }

  void state(auto& archive) requires Archivable<Stored<V>> {
    archive(until, newest);
    values.state(archive);
    stamps.state(archive);
    if (!archive.saving() && !makes_sense())
      throw ArchiveError("the state of window(sliding_time) is of another length, or damaged.");
  }
  void arguments(auto& show) const { show(length, step, values.capacity()); }

 private:
  Windowed<V, kind> message(const V* enters, const V* leaves, bool emits) const {
    return {.enters = enters, .leaves = leaves, .emits = emits, .clears = false, .size = values.capacity()};
  }
  void leave(auto& out, const V* enters) {
    stamps.pop();
    const Stored<V> taken = values.pop();
    const auto& leaves = Storage<V>::load(taken);
    out(message(enters, &leaves, false));
  }
  /// Each window that ends by then and holds a value emits. A value is in at most length / step of them, so that ends.
  SIDESTEP_APART void close_through(Nanoseconds now, auto& out) {
    while (!values.empty() && until <= now) {
      while (!values.empty() && stamps.front() < until - length) leave(out, nullptr);
      if (!values.empty()) out(message(nullptr, nullptr, true));
      until += step;
    }
  }
  bool makes_sense() {
    if (values.size() != stamps.size()) return false;
    if (newest == std::numeric_limits<Nanoseconds>::min()) return values.empty();
    // what is in no open window has left, so all lies between these, far from where times overflow
    constexpr Nanoseconds far = std::numeric_limits<Nanoseconds>::max() / 2;
    if (newest >= until || until < -far || until > far) return false;
    Nanoseconds before = until - step - length;
    for (std::size_t i = 0; i < stamps.size(); ++i)
      if (stamps.at(i) < std::exchange(before, stamps.at(i)) || stamps.at(i) >= until) return false;
    return true;
  }
};

}  // namespace detail

/// window(sliding_time(length, step)): the values of the last `length`, at each multiple of `step`.
inline detail::SlidingTimeSpec sliding_time(std::chrono::nanoseconds length, std::chrono::nanoseconds step,
                                            SlidingTimeOptions how = {}) {
  const detail::SlidingTimeSpec spec{detail::positive(length, "sliding_time"), detail::positive(step, "sliding_time"),
                                     how.at_most};
  constexpr Nanoseconds longest = std::numeric_limits<Nanoseconds>::max() / 4;
  if (spec.length > longest || spec.step > longest)
    detail::refuse("sliding_time", std::max(spec.length, spec.step), "such times are more than it can count");
  if (spec.length / spec.step > 1'000'000)
    detail::refuse("sliding_time", spec.step, "so short a step lets a value be in more than a million windows");
  if (how.at_most < 1 || how.at_most > (std::int64_t{1} << 30))
    detail::refuse("sliding_time", how.at_most, "at_most must lie between 1 and 2^30 values");
  return spec;
}

/// Windows of event time that overlap: the last `length` of it, at each multiple of `step`.
///
///   in   -1-2---3--------4----|
///   window(sliding_time(6ns, 3ns)) | sum()
///   out  ---1--3--5--3-----4--4|
///
/// Windows end at multiples of `step` (since 1970) and begin `length` earlier: [end - length, end), so a value exactly
/// at an end belongs to the next, and each is in length / step windows (in none, if it falls between two where step >
/// length). A window without a value emits nothing. Closed by the next event or, when nothing arrives, by a tick. A
/// value with an earlier stamp than the last counts as of the last, and where its windows have closed as of the begin
/// of the one that ends next (Flink drops it there). At the end of the stream all that hold a value emit, as Flink's
/// do. Keeps at most `at_most` values (16,384 unless said: `{.at_most = 1000}`), with their times; beyond, the oldest
/// leaves before its time. Semantics: Flink's sliding event-time windows.
inline detail::PlacedWindow<detail::SlidingTimeSpec> window(detail::SlidingTimeSpec spec) { return {spec}; }

}  // namespace sidestep
