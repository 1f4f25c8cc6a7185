#include <sidestep/trainer/callbacks/epoch_row.hpp>

#include <algorithm>

namespace sidestep {

const double* EpochRow::find(std::string_view metric) const noexcept {
  const auto at = std::ranges::lower_bound(metrics, metric, {}, &std::pair<std::string, double>::first);
  return at != metrics.end() && at->first == metric ? &at->second : nullptr;
}

void EpochRows::add(const Metric& metric) {
  if (metric.metric == last_batch_name_ || metric.metric == other_batch_name_) return;
  const std::string_view text = metric.metric.text();
  if (text.starts_with("batch/")) {
    other_batch_name_ = std::exchange(last_batch_name_, metric.metric);
    return;
  }
  values_.insert_or_assign(std::string(text), metric.value);
}

EpochRow EpochRows::finish(const EpochEnd& end) {
  EpochRow row{.epoch = end.epoch,
               .step = end.step,
               .partial = end.partial,
               .metrics = {values_.begin(), values_.end()},
               .seconds = end.seconds,
               .samples_per_second = end.seconds > 0 ? static_cast<double>(end.samples) / end.seconds : 0.0,
               .waited_ns = end.waited_ns};
  values_.clear();
  return row;
}

}  // namespace sidestep
