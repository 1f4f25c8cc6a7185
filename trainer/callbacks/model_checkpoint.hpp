#pragma once

#include <sidestep/trainer/callbacks/entry.hpp>
#include <sidestep/trainer/callbacks/monitor.hpp>
#include <sidestep/trainer/control/decision.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sidestep {

struct ModelCheckpointOptions {
  std::string monitor = "val/accuracy";
  Mode mode = Auto;
  std::int64_t save_top_k = 1;  ///< how many of the best stay on disk; -1: all, 0: none, `last` only
  /// The name of a best one; {epoch}, {step} and {value} are filled in, as in {value:.4f}. Default: best.safetensors if
  /// there is one, epoch-{epoch}-step-{step}.safetensors if there are several.
  std::string file{};
  Epoch every_n_epochs = 1;  ///< looks at the ends of the epochs n, 2n, 3n ...
  bool save_last = true;     ///< the loop's `last` (last.safetensors) at each look, whatever the metric
  When at = epoch_end;
  std::optional<double> initial_value_threshold{};  ///< only what is better than this is one of the best
};

/// Saves the run's best checkpoints by a metric, and the last: what both ask at one moment is one cut. Under `lag(k)` a
/// best by a batch metric holds the weights k steps behind the metric. Resuming goes on from `last.safetensors`.
///
///   model_checkpoint({.monitor = "val/accuracy", .mode = Max, .save_top_k = 3})
///
/// Names: Keras' and Lightning's `ModelCheckpoint`; `save_top_k`, `save_last`, `every_n_epochs` as Lightning's,
/// `initial_value_threshold` as Keras'.
/// Throws CallbackError: options out of range, a file name that can't be; in a run whose loop has no snapshot.
Callback model_checkpoint(ModelCheckpointOptions options = {});
extern const CallbackEntry model_checkpoint_entry;  ///< its row in the registry

/// Which looks are among the best.
class BestCheckpointRule {
 public:
  BestCheckpointRule(const ModelCheckpointOptions& options, std::string_view owner);
  std::optional<SaveCheckpoint> operator()(const Look& look);
  void state(auto& archive) { archive(best_); }

 private:
  ModelCheckpointOptions options_;
  Better better_;
  std::vector<std::pair<std::string, double>> best_;  // file and value, in the order in which they were asked for
};

}  // namespace sidestep
