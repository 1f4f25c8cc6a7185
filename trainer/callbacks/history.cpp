#include <sidestep/operators/pipe.hpp>
#include <sidestep/operators/subscribe.hpp>
#include <sidestep/trainer/callbacks/history.hpp>

namespace sidestep {
namespace {

struct Keep {
  std::shared_ptr<History> history;

  void operator()(const EpochRow& row) const { history->add(row); }
  void state(auto& archive) {
    std::vector<EpochRow> rows = history->rows();
    archive(rows);
    if (!archive.saving()) history->set(std::move(rows));
  }
};

}  // namespace

std::vector<EpochRow> History::rows() const {
  const std::lock_guard lock(mutex_);
  return rows_;
}

std::vector<double> History::values(std::string_view metric) const {
  const std::lock_guard lock(mutex_);
  std::vector<double> found;
  for (const EpochRow& row : rows_)
    if (const double* const value = row.find(metric)) found.push_back(*value);
  return found;
}

void History::add(const EpochRow& row) {
  const std::lock_guard lock(mutex_);
  rows_.push_back(row);
}

void History::set(std::vector<EpochRow> rows) {
  const std::lock_guard lock(mutex_);
  rows_ = std::move(rows);
}

Callback history(std::shared_ptr<History> into) {
  if (into == nullptr) into = std::make_shared<History>();
  return {"history", "", [into = std::move(into)](CallbackContext& run) {
            if (!run.resumed) into->set({});
            run.on<Metric, EpochEnd>().from(Stream::trainer) | EpochRows{} | subscribe(saved, Keep{into});
          }};
}

constinit const CallbackEntry history_entry{
    .name = "history",
    .summary = "the epochs' metrics, in memory, for programs",
    .make = [](const CallbackArguments&) { return history(); },
    .by_default = "",
};

}  // namespace sidestep
