#pragma once

#include <sidestep/bus/events.hpp>
#include <sidestep/operators/stage.hpp>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidestep {

/// What is known of an epoch at its end: the last value of each metric that came in it, `batch/*` left out.
struct EpochRow {
  Epoch epoch = 0;
  Step step = 0;
  bool partial = false;                                 ///< cut short
  std::vector<std::pair<std::string, double>> metrics;  ///< sorted by name
  // wall times: 0 if the epoch was trained before the run was resumed
  double seconds = 0;  ///< of training steps
  double samples_per_second = 0;
  std::int64_t waited_ns = 0;

  /// The metric's value, or null.
  const double* find(std::string_view metric) const noexcept;
  /// Without wall times, so that equal runs have equal states.
  void state(auto& archive) { archive(epoch, step, partial, metrics); }
};

/// Gathers the metrics of an epoch, and emits its row at the EpochEnd.
///
///   in   --train/loss 0.4--val/loss 0.5--EpochEnd--|
///   epoch_rows
///   out  --------------------------------row-------|
class EpochRows {
 public:
  static constexpr std::string_view label = "epoch_rows";
  using In = OneOf<Metric, EpochEnd>;

  template <class I>
  requires std::same_as<I, In>
  using out = EpochRow;

  void operator()(const In& event, auto&& out) {
    if (const auto* metric = event.get_if<Metric>())
      add(*metric);
    else if (const auto* end = event.get_if<EpochEnd>())
      out(finish(*end));
  }
  void add(const Metric& metric);
  EpochRow finish(const EpochEnd& end);

  void state(auto& archive) {
    std::vector<std::pair<std::string, double>> values(values_.begin(), values_.end());
    archive(values);
    if (!archive.saving()) values_ = {values.begin(), values.end()};
  }

 private:
  Name last_batch_name_;  // most metrics are of batches, and few names: spares reading the text
  Name other_batch_name_;
  std::map<std::string, double> values_;
};

}  // namespace sidestep
