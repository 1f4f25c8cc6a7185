#include <sidestep/operators/pipe.hpp>
#include <sidestep/trainer/callbacks/arguments.hpp>
#include <sidestep/trainer/callbacks/reduce_lr_on_plateau.hpp>
#include <sidestep/trainer/callbacks/shared_options.hpp>
#include <sidestep/trainer/control/decide.hpp>
#include <sidestep/trainer/control/numbers.hpp>

#include <fmt/format.h>

#include <cmath>

namespace sidestep {

ReduceLrOnPlateauRule::ReduceLrOnPlateauRule(const ReduceLrOnPlateauOptions& options, std::string_view owner)
    : options_(options), better_(options.mode, options.monitor, options.min_delta, owner), best_(better_.worst()) {}

std::optional<ScaleLearningRate> ReduceLrOnPlateauRule::operator()(const Look& look) {
  if (look.kind == Look::Kind::begin) {
    wait_ = cooldown_ = 0;
    best_ = better_.worst();
  }
  if (look.kind != Look::Kind::look || !look.came) return {};
  if (cooldown_ > 0) {
    --cooldown_;
    wait_ = 0;
  }
  if (better_(look.value, best_)) {
    best_ = look.value;
    wait_ = 0;
    return {};
  }
  if (cooldown_ > 0 || ++wait_ < options_.patience) return {};
  if (look.learning_rate != 0 && look.learning_rate <= options_.min_lr) return {};  // nowhere to go
  const std::int64_t waited = std::exchange(wait_, 0);
  cooldown_ = options_.cooldown;
  return ScaleLearningRate{
      .by = options_.factor,
      .min_lr = options_.min_lr,
      .reason = fmt::format("{} {:.5g}, best {}: {}", options_.monitor, without_sign_if_nan(look.value),
                            std::isfinite(best_) ? fmt::format("{:.5g}", best_) : std::string("none"),
                            detail::not_improved(options_.min_delta, waited, "look"))};
}

Callback reduce_lr_on_plateau(ReduceLrOnPlateauOptions options) {
  const std::string name = "reduce_lr_on_plateau";
  detail::check_monitor(name, options.monitor, options.at);
  if (!(options.factor > 0 && options.factor < 1))
    throw CallbackError(
        fmt::format("{}: factor={} doesn't reduce. Say a number between 0 and 1.", name, options.factor));
  if (options.patience < 0)
    throw CallbackError(fmt::format("{}: patience={} is negative. Say 0 or more.", name, options.patience));
  if (options.cooldown < 0)
    throw CallbackError(fmt::format("{}: cooldown={} is negative. Say 0 or more.", name, options.cooldown));
  if (!(options.min_delta >= 0) || std::isinf(options.min_delta))
    throw CallbackError(fmt::format("{}: min_delta={} is not a change. Say a number from 0.", name, options.min_delta));
  if (!(options.min_lr >= 0) || std::isinf(options.min_lr))
    throw CallbackError(
        fmt::format("{}: min_lr={} is not a learning rate. Say a number from 0.", name, options.min_lr));
  (void)ReduceLrOnPlateauRule(options, name);  // the mode is checked here, not when the run begins
  std::string settings =
      fmt::format("monitor={},factor={},patience={},mode={},min_delta={},cooldown={},min_lr={},at={}", options.monitor,
                  options.factor, options.patience, static_cast<int>(options.mode), options.min_delta, options.cooldown,
                  options.min_lr, options.at.text());
  return {name, std::move(settings), [options](CallbackContext& run) {
            monitored(run) | Monitor(options.monitor, options.at, run) |
                decide(run.control, ReduceLrOnPlateauRule(options, run.name));
          }};
}

namespace {

constexpr CallbackOption reduce_lr_on_plateau_options[] = {
    {"monitor", "metric", "val/loss", "what must improve"},
    {"factor", "number", "0.1", "what the learning rate is multiplied by"},
    {"patience", "integer", "10", "looks without an improvement after which it is"},
    detail::mode_option,
    {"min_delta", "number", "0.0001", "a change of less is no improvement"},
    {"cooldown", "integer", "0", "looks after a reduction that don't count"},
    {"min_lr", "number", "0", "no further down than this"},
    detail::at_option};

Callback make_reduce_lr_on_plateau(const CallbackArguments& given) {
  ReduceLrOnPlateauOptions o;
  given.text("monitor", o.monitor).number("factor", o.factor).integer("patience", o.patience, 0).mode("mode", o.mode);
  given.number("min_delta", o.min_delta).integer("cooldown", o.cooldown, 0).number("min_lr", o.min_lr).when("at", o.at);
  return reduce_lr_on_plateau(o);
}

}  // namespace

constinit const CallbackEntry reduce_lr_on_plateau_entry{
    .name = "reduce_lr_on_plateau",
    .summary = "lowers the learning rate when a metric stalls",
    .options = reduce_lr_on_plateau_options,
    .make = make_reduce_lr_on_plateau,
    .by_default = "monitor=val/loss,patience=1",
};

}  // namespace sidestep
