#pragma once

#include <sidestep/trainer/control/callback.hpp>
#include <sidestep/trainer/control/checkpoint.hpp>
#include <sidestep/trainer/control/schedule.hpp>

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sidestep::test {

/// A training loop without a model, with callbacks: what it "learns" is given.
struct FakeRun {
  std::vector<Callback> callbacks{};
  std::filesystem::path folder{};  ///< of the run; checkpoints lie in folder/checkpoints. Empty: it can't save
  Step steps = 20, steps_per_epoch = 5;
  std::function<double(Step)> loss = [](Step step) { return 1.0 / static_cast<double>(step); };
  std::function<double(Epoch)> val_loss = [](Epoch epoch) { return 1.0 / epoch; };
  std::function<double(Epoch)> val_accuracy = [](Epoch epoch) { return 1 - 1.0 / (1 + epoch); };
  std::map<std::string, std::function<double(Epoch)>> more_metrics{};
  /// Published behind the EpochEnd of their epoch.
  std::map<std::string, std::function<double(Epoch)>> metrics_behind{};
  Sync sync = lag(2);
  std::optional<double> asked_rate{};  ///< what AttachOptions says of it
  bool resume = false;                 ///< from folder/checkpoints/last.safetensors
  Step interrupt_at = 0;               ///< a signal comes while this step runs
  bool test_at_end = false;            ///< publishes a TestEnd
  std::function<void(Bus&)> before{};  ///< before callbacks are hung on
  std::function<void(Bus&)> at_end{};  ///< before the bus is closed

  // what came of it
  double learning_rate = 1;
  Schedule schedule{.base = 1};  ///< the rate of a step is schedule(step) x factor
  double factor = 1;
  std::vector<double> rates{};  ///< by step
  double weight = 0, kept = 0;  ///< the weight is the number of the last step, as if it were trained
  Step last_step = 0;           ///< the last one run
  std::vector<AppliedRow> decisions{};
  std::vector<std::string> failures{};  ///< "name: error"
  std::vector<std::string> warnings{};

  void go();
  /// decision by cause->applied, a line each.
  std::string table() const;
};

/// The text without the values of its wall-time fields: JSON lines.
std::string without_wall_times(const std::string& json_lines);
/// The same for CSV: without the last three columns.
std::string without_wall_columns(const std::string& csv);

}  // namespace sidestep::test
