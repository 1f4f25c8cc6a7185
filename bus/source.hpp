#pragma once

#include <sidestep/bus/subscription.hpp>

#include <utility>

namespace sidestep {

/// Where a pipeline begins: the events of one type, or of several (then the value is a OneOf<E...>). Operators follow
/// with `|`.
template <Event... E>
struct [[nodiscard("this pipeline has no end: add subscribe(...) or decide(...)")]] Source {
  Bus* bus;
  PipelineOptions options;

  /// The name that reports and errors give it.
  Source named(std::string_view name)&& { return options.name = name, std::move(*this); }
  /// Whose events it sees.
  Source from(Stream stream)&& { return options.stream = stream, std::move(*this); }
  /// Of producers with this name alone: `bus.on<Metric>().from("lidar")`.
  Source from(std::string_view producer)&& { return options.producer = producer, std::move(*this); }
  /// What becomes of events that come faster than they are taken: `bus.on<BatchEnd>().overload(drop_oldest(1024))`.
  Source overload(Overload policy)&& { return options.overload = policy, std::move(*this); }
  /// Which of the bus' dispatchers runs it (BusOptions::dispatchers), counted from 0.
  Source on_dispatcher(int which)&& { return options.dispatcher = which, std::move(*this); }
};

}  // namespace sidestep
