#pragma once

#include <sidestep/operators/interval.hpp>
#include <sidestep/operators/storage.hpp>

#include <limits>

namespace sidestep {

struct SampleOptions {
  bool emit_last = false;  ///< at the end of the stream: the last value of the interval that was still open
};

namespace detail {

template <class V>
struct Sample {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "sample";
  static constexpr bool wall_time = true;
  Nanoseconds length, until = std::numeric_limits<Nanoseconds>::min();
  bool emit_last;
  Kept<V> last{};
  Sample(Nanoseconds interval, bool at_end) : length(interval), emit_last(at_end) {}

  template <class In>
  using out = In;
  SIDESTEP_INLINE void operator()(const V& value, auto&& out) {
    if (out.stamp() >= until) [[unlikely]] {
      tick(out);
      until = interval_end(out.stamp(), length);
    }
    last.set(value);
  }
  void tick(auto&& out) {
    if (last && out.stamp() >= until) last.emit(out);
  }
  void end(auto&& out) {
    if (last && emit_last) out(last.get());
    last.reset();
  }
  void state(auto& archive) requires Archivable<Stored<V>> {
    archive(until);
    last.state(archive);
  }
  void arguments(auto& show) const { show(length); }
};

}  // namespace detail

/// Emits the last value of each interval, at the interval's end.
///
///   in   --1-2-3-----4--5--|
///   sample(4ns)
///   out  ----1---3-------5-|      intervals end at 4, 8, 12 ...
///
///   in   -1---2#--|
///   sample(4ns)
///   out  ----1-#
///
/// Intervals begin at multiples of their length (since 1970), whatever the first event's stamp. A value exactly at an
/// interval's end belongs to the next one; one with an earlier stamp belongs to the open one, and where a tick has
/// closed that, it emits once more, at the next event or tick behind its end. An interval without a value emits
/// nothing. What is left at the end of the stream is dropped, unless `{.emit_last = true}`; an error comes at once, and
/// drops it in any case. An interval is closed by the next event or, when nothing arrives, by a tick. Keeps one value.
/// Semantics: RxJava 3 `sample`
/// (`throttleLast`).
struct sample {
  Nanoseconds length;
  SampleOptions options;
  explicit sample(std::chrono::nanoseconds interval, SampleOptions how = {})
      : length(detail::positive(interval, "sample")), options(how) {}

  template <class In>
  requires detail::Storable<In>
  auto place() && { return detail::Sample<In>(length, options.emit_last); }
};

using throttle_last = sample;

}  // namespace sidestep
