#include <sidestep/operators/pipe.hpp>
#include <sidestep/trainer/callbacks/terminate_on_nan.hpp>
#include <sidestep/trainer/control/decide.hpp>
#include <sidestep/trainer/control/numbers.hpp>

#include <fmt/format.h>

#include <cmath>

namespace sidestep {

std::optional<Stop> TerminateOnNanRule::operator()(const OneOf<FitBegin, BatchEnd, DecisionApplied>& event) {
  if (const auto* batch = event.get_if<BatchEnd>()) {
    if (std::isfinite(batch->loss) || asked_) [[likely]]
      return {};
    asked_ = true;
    return Stop{fmt::format("the loss of step {} is {}", batch->step, without_sign_if_nan(batch->loss))};
  }
  if (const auto* applied = event.get_if<DecisionApplied>()) {
    if (applied->by == owner_ && applied->decision == stop_) asked_ = false;
  } else if (const auto* begin = event.get_if<FitBegin>()) {
    if (!begin->resumed) asked_ = false;
  }
  return {};
}

Callback terminate_on_nan(TerminateOnNanOptions) {
  return {"terminate_on_nan", "", [](CallbackContext& run) {
            run.on<FitBegin, BatchEnd, DecisionApplied>() | decide(run.control, TerminateOnNanRule(run.name));
          }};
}

constinit const CallbackEntry terminate_on_nan_entry{
    .name = "terminate_on_nan",
    .summary = "stops the run when the loss is NaN or infinite",
    .make = [](const CallbackArguments&) { return terminate_on_nan(); },
    .by_default = "",
};

}  // namespace sidestep
