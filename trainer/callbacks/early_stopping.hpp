#pragma once

#include <sidestep/trainer/callbacks/entry.hpp>
#include <sidestep/trainer/callbacks/monitor.hpp>
#include <sidestep/trainer/control/decision.hpp>

#include <optional>
#include <string>

namespace sidestep {

struct EarlyStoppingOptions {
  std::string monitor = "val/loss";
  double min_delta = 0;       ///< a change of less is no improvement
  std::int64_t patience = 0;  ///< looks without an improvement after which the run stops
  Mode mode = Auto;
  std::optional<double> baseline{};  ///< patience begins anew only with values better than this
  /// The run ends with the weights of its best look, unless that is so late that no copy of them is made any more.
  bool restore_best_weights = false;
  Epoch start_from_epoch = 0;  ///< epochs before the first look
  When at = epoch_end;
};

/// Stops the run when a metric has stopped improving. Semantics: Keras 3 `EarlyStopping`, in double precision.
///
///   trainer.fit(bus, control, {early_stopping({.monitor = "val/loss", .patience = 10})});
///
/// Throws CallbackError: options out of range, a metric whose direction its name doesn't tell.
Callback early_stopping(EarlyStoppingOptions options = {});
extern const CallbackEntry early_stopping_entry;  ///< its row in the registry

/// What early_stopping does at each look.
class EarlyStoppingRule {
 public:
  EarlyStoppingRule(const EarlyStoppingOptions& options, std::string_view owner);
  Decisions operator()(const Look& look);
  void state(auto& archive) { archive(looks_, wait_, best_, best_step_, best_epoch_, kept_, asked_); }

 private:
  void forget();
  Decisions consider(const Look& look);

  EarlyStoppingOptions options_;
  Better better_;
  ShortText owner_;
  std::int64_t looks_ = 0, wait_ = 0;
  double best_ = 0;
  Step best_step_ = 0;
  Epoch best_epoch_ = 0;
  bool kept_ = false;   // weights of best_step_
  bool asked_ = false;  // for a Stop that hasn't taken effect
};

}  // namespace sidestep
