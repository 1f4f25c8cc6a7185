#include <sidestep/operators/pipe.hpp>
#include <sidestep/trainer/callbacks/arguments.hpp>
#include <sidestep/trainer/callbacks/early_stopping.hpp>
#include <sidestep/trainer/callbacks/shared_options.hpp>
#include <sidestep/trainer/control/decide.hpp>
#include <sidestep/trainer/control/numbers.hpp>

#include <fmt/format.h>

#include <cmath>

namespace sidestep {

EarlyStoppingRule::EarlyStoppingRule(const EarlyStoppingOptions& options, std::string_view owner)
    : options_(options), better_(options.mode, options.monitor, options.min_delta, owner), owner_(owner) {
  forget();
}

void EarlyStoppingRule::forget() {
  looks_ = wait_ = 0;
  best_ = better_.worst();
  best_step_ = 0;
  best_epoch_ = 0;
  kept_ = asked_ = false;
}

Decisions EarlyStoppingRule::operator()(const Look& look) {
  switch (look.kind) {
    case Look::Kind::begin:
      forget();
      return {};
    case Look::Kind::stopped:
      asked_ = false;
      return {};
    case Look::Kind::look:
      return consider(look);
    case Look::Kind::end:
      break;
  }
  if (!options_.restore_best_weights || !kept_) return {};
  return Decisions{}.ask(RestoreBest{
      .owner = owner_,
      .cause_step = best_step_,
      .reason = std::isfinite(best_)
                    ? fmt::format("{} was {:.5g} at the end of step {}", options_.monitor, best_, best_step_)
                    : fmt::format("{} never was finite; kept at step {}", options_.monitor, best_step_)});
}

Decisions EarlyStoppingRule::consider(const Look& look) {
  if (!look.came || look.epoch - 1 < options_.start_from_epoch) return {};
  ++looks_;
  ++wait_;
  const bool improved = better_(look.value, best_);
  const bool keeps = options_.restore_best_weights && (improved || !kept_);  // the first one whatever its value
  if (improved) best_ = look.value;
  if (improved || keeps) {
    best_step_ = look.step;
    best_epoch_ = look.epoch;
  }
  Decisions asked;
  if (keeps) {
    kept_ = true;
    asked.ask(KeepWeights{.owner = owner_,
                          .reason = fmt::format("{} is {:.5g}", options_.monitor, without_sign_if_nan(look.value))});
  }
  if (improved) {
    if (!options_.baseline || better_(look.value, *options_.baseline)) wait_ = 0;
    return asked;
  }
  // Keras never stops at the end of the very first epoch.
  const bool first = options_.at.batches > 0 ? looks_ == 1 : look.epoch == 1;
  if (wait_ < options_.patience || first || asked_) return asked;
  asked_ = true;
  const std::string_view unit = options_.at.batches > 0 ? "look" : "epoch";
  const std::string best = !std::isfinite(best_)
                               ? std::string("it never improved")
                               : fmt::format("best {:.5g} at {} {}", best_, options_.at.batches > 0 ? "step" : "epoch",
                                             options_.at.batches > 0 ? best_step_ : Step{best_epoch_});
  return asked.ask(Stop{
      fmt::format("{} has {}: {}", options_.monitor, detail::not_improved(options_.min_delta, wait_, unit), best)});
}

Callback early_stopping(EarlyStoppingOptions options) {
  const std::string name = "early_stopping";
  detail::check_monitor(name, options.monitor, options.at);
  if (options.patience < 0)
    throw CallbackError(fmt::format("{}: patience={} is negative. Say 0 or more.", name, options.patience));
  if (!(options.min_delta >= 0) || std::isinf(options.min_delta))
    throw CallbackError(fmt::format("{}: min_delta={} is not a change. Say a number from 0.", name, options.min_delta));
  if (options.start_from_epoch < 0)
    throw CallbackError(
        fmt::format("{}: start_from_epoch={} is negative. Say 0 or more.", name, options.start_from_epoch));
  if (options.baseline && !std::isfinite(*options.baseline))
    throw CallbackError(fmt::format("{}: baseline={} is not a number to reach.", name, *options.baseline));
  (void)EarlyStoppingRule(options, name);  // the mode is checked here, not when the run begins
  std::string settings = fmt::format(
      "monitor={},min_delta={},patience={},mode={},baseline={},restore_best_weights={},start_from_epoch={},at={}",
      options.monitor, options.min_delta, options.patience, static_cast<int>(options.mode),
      options.baseline ? fmt::to_string(*options.baseline) : "none", options.restore_best_weights,
      options.start_from_epoch, options.at.text());
  return {name, std::move(settings), [options](CallbackContext& run) {
            monitored(run) | Monitor(options.monitor, options.at, run) |
                decide(run.control, EarlyStoppingRule(options, run.name));
          }};
}

namespace {

constexpr CallbackOption early_stopping_options[] = {
    {"monitor", "metric", "val/loss", "what must improve"},
    {"min_delta", "number", "0", "a change of less is no improvement"},
    {"patience", "integer", "0", "looks without an improvement after which the run stops"},
    detail::mode_option,
    {"baseline", "number|none", "none", "patience begins anew only with values better than this"},
    {"restore_best_weights", "yes|no", "no", "the run ends with the weights of its best look"},
    {"start_from_epoch", "integer", "0", "epochs before the first look"},
    detail::at_option};

Callback make_early_stopping(const CallbackArguments& given) {
  EarlyStoppingOptions o;
  given.text("monitor", o.monitor).number("min_delta", o.min_delta).integer("patience", o.patience, 0);
  given.mode("mode", o.mode).number("baseline", o.baseline).flag("restore_best_weights", o.restore_best_weights);
  given.integer("start_from_epoch", o.start_from_epoch, 0).when("at", o.at);
  return early_stopping(o);
}

}  // namespace

constinit const CallbackEntry early_stopping_entry{
    .name = "early_stopping",
    .summary = "stops the run when a metric stalls",
    .options = early_stopping_options,
    .make = make_early_stopping,
    .by_default = "monitor=val/loss,patience=3",
};

}  // namespace sidestep
