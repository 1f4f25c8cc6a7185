#pragma once

#include <sidestep/trainer/callbacks/entry.hpp>
#include <sidestep/trainer/callbacks/monitor.hpp>
#include <sidestep/trainer/control/decision.hpp>

#include <optional>
#include <string>

namespace sidestep {

struct ReduceLrOnPlateauOptions {
  std::string monitor = "val/loss";
  double factor = 0.1;         ///< the learning rate is multiplied by it
  std::int64_t patience = 10;  ///< looks without an improvement after which it is
  Mode mode = Auto;
  double min_delta = 1e-4;    ///< a change of less is no improvement
  std::int64_t cooldown = 0;  ///< looks after a reduction that don't count
  double min_lr = 0;          ///< no further down than this
  When at = epoch_end;
};

/// Multiplies the learning rate when a metric has stopped improving. It scales whatever schedule there is, and never
/// ends it. Semantics: Keras 3 `ReduceLROnPlateau`, in double precision.
///
///   reduce_lr_on_plateau({.monitor = "batch/loss", .factor = 0.9, .patience = 1, .at = batches(20)})
///
/// Throws CallbackError: options out of range, a metric whose direction its name doesn't tell.
Callback reduce_lr_on_plateau(ReduceLrOnPlateauOptions options = {});
extern const CallbackEntry reduce_lr_on_plateau_entry;  ///< its row in the registry

/// What reduce_lr_on_plateau does at each look.
class ReduceLrOnPlateauRule {
 public:
  ReduceLrOnPlateauRule(const ReduceLrOnPlateauOptions& options, std::string_view owner);
  std::optional<ScaleLearningRate> operator()(const Look& look);
  void state(auto& archive) { archive(wait_, cooldown_, best_); }

 private:
  ReduceLrOnPlateauOptions options_;
  Better better_;
  std::int64_t wait_ = 0, cooldown_ = 0;
  double best_;
};

}  // namespace sidestep
