#pragma once

#include <sidestep/bus/events.hpp>
#include <sidestep/trainer/callbacks/entry.hpp>
#include <sidestep/trainer/control/callback.hpp>
#include <sidestep/trainer/control/decision.hpp>

#include <optional>

namespace sidestep {

struct TerminateOnNanOptions {};  ///< none: it is called as all others are

/// Stops the run at the first batch whose loss is NaN or infinite. Semantics: Keras 3 `TerminateOnNaN`.
Callback terminate_on_nan(TerminateOnNanOptions options = {});
extern const CallbackEntry terminate_on_nan_entry;  ///< its row in the registry

/// What terminate_on_nan does at each batch. It asks once, until its Stop has taken effect.
class TerminateOnNanRule {
 public:
  explicit TerminateOnNanRule(std::string_view owner) : owner_(intern(owner)) {}
  std::optional<Stop> operator()(const OneOf<FitBegin, BatchEnd, DecisionApplied>& event);
  void state(auto& archive) { archive(asked_); }

 private:
  Name owner_;
  Name stop_ = intern(Stop::decision);
  bool asked_ = false;
};

}  // namespace sidestep
