#pragma once

#include <sidestep/bus/bus.hpp>
#include <sidestep/bus/events.hpp>
#include <sidestep/operators/stage.hpp>

#include <limits>
#include <memory>
#include <string>
#include <utility>

namespace sidestep {

namespace detail {

/// Says that a metric is made of itself, and ends the pipeline with it.
[[noreturn]] void goes_round(const Name& metric, std::int64_t values);

struct ToMetric {
  static constexpr std::string_view label = "to_metric";
  static constexpr std::int64_t round = 65'536;
  using is_end = void;
  std::shared_ptr<Producer> producer;
  Name metric;
  Nanoseconds moment = std::numeric_limits<Nanoseconds>::min();  // no value has it
  std::int64_t of_moment = 0;                                    // how many values in a row had this stamp

  template <class In>
  requires std::convertible_to<const In&, double> || requires(const In& value) {
    { value.first } -> std::convertible_to<Step>;
    { value.second } -> std::convertible_to<double>;
  }
  using out = void;
  template <class In>
  void operator()(const In& value, auto&& out) {
    of_moment = std::exchange(moment, out.stamp()) == moment ? of_moment + 1 : 0;
    if (of_moment == round) goes_round(metric, round);
    if constexpr (std::convertible_to<const In&, double>)
      producer->publish_at(moment, Metric{.value = static_cast<double>(value), .metric = metric});
    else
      producer->publish_at(
          moment,
          Metric{.step = static_cast<Step>(value.first), .value = static_cast<double>(value.second), .metric = metric});
  }
  void arguments(auto& show) const { show(metric.text()); }
};

}  // namespace detail

/// Ends a chain: publishes each value as a Metric of this name on the bus, where loggers and other pipelines find it. A
/// pair is (step, value).
///
///   in   --1--2--3--|
///   to_metric(bus, "loss/smooth")
///   out  --1--2--3      each a Metric of this name
///
/// The metric has the stamp of the value that it is made of, and comes from a producer of its own that has its name. So
/// a chain that listens to what it publishes, itself or by way of others, sees one moment for ever: it fails when more
/// than 65,536 values in a row have the same stamp. What it publishes when the bus closes is seen by pipelines that
/// were added behind it. Deciders don't see such metrics: they aren't the trainer's. Keeps two numbers and its
/// producer: a ring of the bus' `ring_capacity` slots.
inline detail::ToMetric to_metric(Bus& bus, std::string_view name) {
  return {std::make_shared<Producer>(bus.producer(name)), intern(name)};
}

}  // namespace sidestep
