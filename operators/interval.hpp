#pragma once

#include <sidestep/operators/pipe.hpp>

#include <chrono>

namespace sidestep {

namespace detail {

/// The length of an interval, or an OperatorError that names the operator.
inline Nanoseconds positive(std::chrono::nanoseconds length, const char* what) {
  if (length.count() <= 0) refuse(what, length.count(), "the interval must be longer than 0 ns");
  return length.count();
}

/// The end of the interval that `stamp` lies in, where intervals begin at multiples of `length` since 1970.
constexpr Nanoseconds interval_end(Nanoseconds stamp, Nanoseconds length) {
  const Nanoseconds within = stamp % length;
  return stamp - (within < 0 ? within + length : within) + length;
}

/// What a source without events listens to: nobody publishes it.
struct NeverPublished {
  static constexpr EventId id = first_user_event - 1;
  static constexpr std::string_view name = "NeverPublished";
};

struct Interval {
  static constexpr bool at_most_one = true;
  static constexpr std::string_view label = "interval";
  static constexpr bool wall_time = true;
  Nanoseconds length, due = 0;
  std::int64_t next = 0;
  explicit Interval(Nanoseconds each) : length(each) {}

  template <class In>
  using out = std::int64_t;
  void operator()(const NeverPublished&, auto&&) {}
  void bind(Subscription& subscription, unsigned) { due = subscription.clock().now() + length; }
  void tick(auto&& out) {
    if (out.stamp() < due) return;
    const std::int64_t number = next + (out.stamp() - due) / length;
    due += (number - next + 1) * length;
    next = number + 1;
    out(number);
  }
  void state(auto& archive) { archive(due, next); }
  void arguments(auto& show) const { show(length); }
};

}  // namespace detail

/// A source: 0, 1, 2 ... one each `each` of the bus' clock.
///
///   a    ----------|
///   interval(*a.bus, 3ns)
///   out  ---0--1--2|
///
/// `interval(bus, 1s) | subscribe(f)`: value k is due (k + 1) times `each` after the pipeline was added, and comes with
/// the first tick then or later. Ticks come when the dispatcher has nothing else to do, every millisecond at best. So
/// under load a value is late, and those that were missed meanwhile are left out: the newest comes alone, and the gap
/// in the numbers says so (RxJava's `interval` fails there, RxJS' comes late). The clock is the bus', so a log's replay
/// brings the events, not these ticks. Never ends by itself. Keeps a time and a number. Semantics: RxJava 3 `interval`.
inline auto interval(Bus& bus, std::chrono::nanoseconds each) {
  PipelineOptions options;
  options.types = {detail::NeverPublished::id};
  return Source<detail::NeverPublished>{&bus, std::move(options)} |
         detail::Interval(detail::positive(each, "interval"));
}

}  // namespace sidestep
