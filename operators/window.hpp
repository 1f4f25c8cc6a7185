#pragma once

#include <sidestep/operators/interval.hpp>
#include <sidestep/operators/windowed.hpp>

#include <limits>
#include <vector>

namespace sidestep {

namespace detail {

struct CountSpec {
  std::int64_t n;
};
struct SlidingSpec {
  std::int64_t n, step;
};
struct TimeSpec {
  Nanoseconds length;
};
struct GrowingSpec {};

template <class V>
struct CountWindow {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "window";
  std::int64_t n, seen = 0;
  explicit CountWindow(CountSpec spec) : n(spec.n) {}

  template <class In>
  using out = Windowed<In, WindowKind::tumbling>;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) {
    const bool closes = ++seen == n;
    if (closes) [[unlikely]]
      seen = 0;
    out(Windowed<V, WindowKind::tumbling>{.enters = &value,
                                          .emits = closes});  // one site: two cost clang++ a factor of 2
  }
  void state(auto& archive) { archive(seen); }
  void arguments(auto& show) const { show(n); }
};

template <class V>
struct TimeWindow {
  static constexpr std::string_view label = "window(time)";
  static constexpr bool wall_time = true;
  Nanoseconds length, until = std::numeric_limits<Nanoseconds>::min();
  bool open = false;
  explicit TimeWindow(TimeSpec spec) : length(spec.length) {}

  template <class In>
  using out = Windowed<In, WindowKind::timed>;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) {
    if (out.stamp() >= until) [[unlikely]] {
      tick(out);
      until = interval_end(out.stamp(), length);
    }
    open = true;
    out(Windowed<V, WindowKind::timed>{.enters = &value, .size = static_cast<std::size_t>(length)});
  }
  SIDESTEP_APART void tick(auto&& out) {
    if (!open || out.stamp() < until) return;
    open = false;
    out(Windowed<V, WindowKind::timed>{.emits = true, .size = static_cast<std::size_t>(length)});
  }
  void state(auto& archive) { archive(until, open); }
  void arguments(auto& show) const { show(length); }
};

template <class V>
struct SlidingWindow {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "window(sliding)";
  std::int64_t n, step, seen = 0, place = 0, until = n;  // place: seen % n; until: values before it emits
  std::vector<Stored<V>> ring;  // of the values that still have to leave; none where windows don't overlap
  explicit SlidingWindow(SlidingSpec spec)
      : n(spec.n), step(spec.step), ring(step < n ? static_cast<std::size_t>(n) : 0) {}

  template <class In>
  using out = Windowed<In, WindowKind::sliding>;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) {
    Windowed<V, WindowKind::sliding> message{
        .enters = &value, .clears = step >= n, .size = static_cast<std::size_t>(n)};
    if (message.clears) {
      const std::int64_t within = seen++ % step;
      if (within >= n) return;
      message.emits = within == n - 1;
      out(message);
      return;
    }
    Stored<V>& oldest = ring[static_cast<std::size_t>(place)];
    const auto& leaving = Storage<V>::load(oldest);
    if (seen++ >= n) [[likely]]
      message.leaves = &leaving;
    if (++place == n) [[unlikely]]
      place = 0;
    message.emits = --until == 0;
    if (message.emits) until = step;
    out(message);
    oldest = Storage<V>::store(value);
  }
  void state(auto& archive) requires Archivable<Stored<V>> {
    const std::size_t size = ring.size();
    archive(seen, ring);
    if (ring.size() != size || seen < 0) throw ArchiveError("a sliding window's state is of another length.");
    if (archive.saving()) return;
    place = seen % n;
    until = seen < n ? n - seen : step - (seen - n) % step;
  }
  void arguments(auto& show) const { show(n, step); }
};

template <class V>
struct GrowingWindow {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "window(growing)";
  template <class In>
  using out = Windowed<In, WindowKind::growing>;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) {
    out(Windowed<V, WindowKind::growing>{.enters = &value, .emits = true, .clears = false});
  }
  void state(auto&) {}
};

/// A window before it knows what it holds.
template <class Spec>
struct WindowOf {
  Spec spec;
  template <class In>
  requires(Storable<In> && !is_windowed<In>) auto place() && {
    if constexpr (std::same_as<Spec, CountSpec>)
      return CountWindow<In>(spec);
    else if constexpr (std::same_as<Spec, SlidingSpec>)
      return SlidingWindow<In>(spec);
    else if constexpr (std::same_as<Spec, GrowingSpec>)
      return GrowingWindow<In>();
    else
      return TimeWindow<In>(spec);
  }
};

}  // namespace detail

/// window(count(n)): n values after each other, without overlap.
inline detail::CountSpec count(std::int64_t n) {
  if (n < 1) detail::refuse("count", n, "a window holds at least 1 value");
  return {n};
}
/// window(sliding(n, step)): the last n values, after every `step` of them.
inline detail::SlidingSpec sliding(std::int64_t n, std::int64_t step = 1) {
  if (n < 1 || step < 1) detail::refuse("sliding", n < 1 ? n : step, "length and step must be at least 1");
  if (n > std::int64_t{1} << 30)
    detail::refuse("sliding", n, "it, or what stands behind it, keeps its n values, so n must be at most 2^30");
  return {n, step};
}
/// window(time(length)): the values of each interval of event time.
inline detail::TimeSpec time(std::chrono::nanoseconds length) { return {detail::positive(length, "time")}; }
/// window(growing()): all values so far, after each of them.
inline detail::GrowingSpec growing() { return {}; }

/// Cuts the stream into windows; a statistic follows and reduces each: mean, sum, variance, standard_deviation, min_of,
/// max_of, count, quantile, histogram, rate, slope, plateau, or several of them (stats).
///
///   in   --1--2--3--4--5--|
///   window(count(2)) | sum()
///   out  -----3-----7-----5|
///
///   in   --1--2--3--4--5--|
///   window(sliding(3, 1)) | sum()
///   out  --------6--9--12-|
///
///   in   -1-2---3---4--5-|
///   window(time(4ns)) | sum()
///   out  ----3---3---4---5|      intervals end at 4, 8, 12 ...
///
///   in   --1--2--3--|
///   window(growing()) | sum()
///   out  --1--3--6--|
///
/// count: closes with its n-th value; one that is open when the stream ends emits what it has (RxJava 3 `window(n)`).
/// sliding: emits only when it is full, and nothing at the end (Kotlin `windowed`); with step > n values between
/// windows are skipped. Keeps n values, at most 2^30. time: intervals begin at multiples of their length (since 1970),
/// as Flink's tumbling event-time windows; a value exactly at the end opens the next; one with an earlier stamp belongs
/// to the open one, and where a tick has closed that, it opens it again and the interval emits twice; an empty interval
/// emits nothing; closed by the next event or, when nothing arrives, by a tick. Keeps a time. growing: emits after each
/// value, nothing more at the end (Flink's global window whose trigger fires at every element). Keeps nothing itself.
inline detail::WindowOf<detail::CountSpec> window(detail::CountSpec spec) { return {spec}; }
inline detail::WindowOf<detail::SlidingSpec> window(detail::SlidingSpec spec) { return {spec}; }
inline detail::WindowOf<detail::TimeSpec> window(detail::TimeSpec spec) { return {spec}; }
inline detail::WindowOf<detail::GrowingSpec> window(detail::GrowingSpec spec) { return {spec}; }

// A wrong program: `window(10)`, `window()`.
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wgcc-compat"
template <class... A>
detail::WindowOf<detail::CountSpec> window(A...) __attribute__((diagnose_if(
    true, "a window needs its bound: window(count(10)), window(sliding(10, 1)) or window(time(1s))", "error")));
#pragma clang diagnostic pop
#else
struct a_window_needs_its_bound_as_in_window_count_10 : detail::WindowOf<detail::CountSpec> {};
template <class... A>
a_window_needs_its_bound_as_in_window_count_10 window(A...) = delete;
#endif

}  // namespace sidestep
