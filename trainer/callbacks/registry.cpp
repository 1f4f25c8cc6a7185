#include <sidestep/trainer/callbacks/csv_logger.hpp>
#include <sidestep/trainer/callbacks/early_stopping.hpp>
#include <sidestep/trainer/callbacks/history.hpp>
#include <sidestep/trainer/callbacks/jsonl_logger.hpp>
#include <sidestep/trainer/callbacks/learning_rate_schedule.hpp>
#include <sidestep/trainer/callbacks/memory_release.hpp>
#include <sidestep/trainer/callbacks/model_checkpoint.hpp>
#include <sidestep/trainer/callbacks/progress.hpp>
#include <sidestep/trainer/callbacks/reduce_lr_on_plateau.hpp>
#include <sidestep/trainer/callbacks/registry.hpp>
#include <sidestep/trainer/callbacks/terminate_on_nan.hpp>
#include <sidestep/trainer/control/nearest.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sidestep {
namespace {

using Arguments = CallbackArguments;

constexpr CallbackOption at_option{"at", "epoch|batch:N", "epoch",
                                   "when it looks: at whole epochs' ends, or every N batches"};
constexpr CallbackOption mode_option{"mode", "auto|min|max", "auto", "which values are better; auto: by the name"};

constexpr CallbackOption csv_options[] = {
    {"file", "path", "metrics.csv", "in the run's folder"},
    {"separator", "character", "\\,", "between the columns"},
    {"append", "yes|no", "no", "to a file that is there, instead of beginning it anew"}};
Callback make_csv(const Arguments& given) {
  CsvLoggerOptions o;
  given.path("file", o.file).letter("separator", o.separator).flag("append", o.append);
  return csv_logger(o);
}

constexpr CallbackOption stopping_options[] = {
    {"monitor", "metric", "val/loss", "what must improve"},
    {"min_delta", "number", "0", "a change of less is no improvement"},
    {"patience", "integer", "0", "looks without an improvement after which the run stops"},
    mode_option,
    {"baseline", "number|none", "none", "patience begins anew only with values better than this"},
    {"restore_best_weights", "yes|no", "no", "the run ends with the weights of its best look"},
    {"start_from_epoch", "integer", "0", "epochs before the first look"},
    at_option};
Callback make_stopping(const Arguments& given) {
  EarlyStoppingOptions o;
  given.text("monitor", o.monitor).number("min_delta", o.min_delta).integer("patience", o.patience, 0);
  given.mode("mode", o.mode).number("baseline", o.baseline).flag("restore_best_weights", o.restore_best_weights);
  given.integer("start_from_epoch", o.start_from_epoch, 0).when("at", o.at);
  return early_stopping(o);
}

constexpr CallbackOption jsonl_options[] = {
    {"file", "path", "metrics.jsonl", "of the trainer's events, in the run's folder"},
    {"events", "path", "events.jsonl", "of all other events; empty: none"},
    {"every", "integer", "1", "BatchEnd and batch/* metrics only of every N-th step"}};
Callback make_jsonl(const Arguments& given) {
  JsonlLoggerOptions o;
  given.path("file", o.file).path("events", o.events).integer("every", o.every, 1);
  return jsonl_logger(o);
}

constexpr CallbackOption schedule_options[] = {
    {"shape", "constant|step|cosine", "cosine", "how the rate goes behind the warm-up"},
    {"lr", "number", "0.002", "the rate at the end of the warm-up"},
    {"warmup", "integer", "0", "steps in which the rate climbs to lr in a straight line"},
    {"warmup_from", "number", "0", "the share of lr at which that begins"},
    {"factor", "number", "0.1", "step: what the rate is multiplied by"},
    {"every", "integer", "1000", "step: after how many steps, each time"},
    {"length", "integer", "0", "cosine: steps until it has fallen; 0: the whole run"},
    {"floor", "number", "0", "cosine: the rate to which it falls"}};
Callback make_schedule(const Arguments& given) {
  Schedule s{.base = 0.002, .every = 1000, .length = 0};
  s.shape = static_cast<Schedule::Shape>(given.one_of("shape", {"constant", "step", "cosine"}, 2));
  given.number("lr", s.base).integer("warmup", s.warmup, 0).number("warmup_from", s.warmup_from);
  given.number("factor", s.factor).integer("every", s.every, 1).integer("length", s.length, 0).number("floor", s.floor);
  return learning_rate_schedule(s);
}

constexpr CallbackOption release_options[] = {{"every_n_epochs", "integer", "1", "at the ends of every N-th epoch"},
                                              {"at", "epoch|batch:N", "epoch", "batch:N: every N batches instead"}};
Callback make_release(const Arguments& given) {
  MemoryReleaseOptions o;
  given.integer("every_n_epochs", o.every_n_epochs, 1).when("at", o.at);
  return memory_release(o);
}

constexpr CallbackOption checkpoint_options[] = {
    {"monitor", "metric", "val/accuracy", "what makes a checkpoint one of the best"},
    mode_option,
    {"save_top_k", "integer", "1", "how many of the best stay; -1: all, 0: none"},
    {"file", "name", "", "with {epoch}, {step}, {value}; best.safetensors if one stays"},
    {"every_n_epochs", "integer", "1", "looks at the end of every N-th epoch"},
    {"save_last", "yes|no", "yes", "last.safetensors at each look, whatever the metric"},
    at_option};
Callback make_checkpoint(const Arguments& given) {
  ModelCheckpointOptions o;
  given.text("monitor", o.monitor).mode("mode", o.mode).integer("save_top_k", o.save_top_k, -1).text("file", o.file);
  given.integer("every_n_epochs", o.every_n_epochs, 1).flag("save_last", o.save_last).when("at", o.at);
  return model_checkpoint(o);
}

constexpr CallbackOption progress_options[] = {
    {"interval", "seconds", "0.1", "between two looks of the live line"},
    {"every", "seconds", "10", "without a terminal, between two lines within an epoch; 0: none"},
    {"terminal", "yes|no|auto", "auto", "a live line, or plain lines"},
    {"columns", "integer", "0", "of the terminal; 0: it is asked"}};
Callback make_progress(const Arguments& given) {
  ProgressOptions o;
  given.number("interval", o.interval).number("every", o.every).flag("terminal", o.terminal);
  given.integer("columns", o.columns, 0);
  return progress(o);
}

constexpr CallbackOption plateau_options[] = {
    {"monitor", "metric", "val/loss", "what must improve"},
    {"factor", "number", "0.1", "what the learning rate is multiplied by"},
    {"patience", "integer", "10", "looks without an improvement after which it is"},
    mode_option,
    {"min_delta", "number", "0.0001", "a change of less is no improvement"},
    {"cooldown", "integer", "0", "looks after a reduction that don't count"},
    {"min_lr", "number", "0", "no further down than this"},
    at_option};
Callback make_plateau(const Arguments& given) {
  ReduceLrOnPlateauOptions o;
  given.text("monitor", o.monitor).number("factor", o.factor).integer("patience", o.patience, 0).mode("mode", o.mode);
  given.number("min_delta", o.min_delta).integer("cooldown", o.cooldown, 0).number("min_lr", o.min_lr).when("at", o.at);
  return reduce_lr_on_plateau(o);
}

Callback make_history(const Arguments&) { return history(); }
Callback make_nan(const Arguments&) { return terminate_on_nan(); }

constexpr CallbackEntry entries[] = {
    {"csv_logger", "metrics.csv: one row an epoch", csv_options, make_csv},
    {"early_stopping", "stops the run when a metric stalls", stopping_options, make_stopping},
    {"history", "the epochs' metrics, in memory, for programs", {}, make_history},
    {"jsonl_logger", "metrics.jsonl: every event, one JSON object a line", jsonl_options, make_jsonl},
    {"lambda", "functions of yours for events, for programs", {}, nullptr},
    {"learning_rate_schedule", "constant, step or cosine, with a warm-up", schedule_options, make_schedule},
    {"memory_release", "gives scratch memory back now and then", release_options, make_release},
    {"model_checkpoint", "saves the best checkpoints, and the last", checkpoint_options, make_checkpoint},
    {"progress", "says how the run goes", progress_options, make_progress},
    {"reduce_lr_on_plateau", "lowers the learning rate when a metric stalls", plateau_options, make_plateau},
    {"terminate_on_nan", "stops the run when the loss is NaN or infinite", {}, make_nan},
};

const CallbackEntry& entry_of(std::string_view name) {
  const auto at = std::ranges::find(entries, name, &CallbackEntry::name);
  if (at != std::end(entries)) return *at;
  std::vector<std::string_view> names;
  for (const CallbackEntry& entry : entries) names.push_back(entry.name);
  throw CallbackError(
      fmt::format("callback '{}' is unknown. {} `sidestep callbacks` lists all.", name, did_you_mean(name, names)));
}

}  // namespace

std::span<const CallbackEntry> callback_registry() { return entries; }

Callback make_callback(const Spec& spec) {
  const CallbackEntry& entry = entry_of(spec.name);
  if (entry.make == nullptr)
    throw CallbackError(
        fmt::format("callback {} takes functions, so it can't be made of text. Use it from a program.", entry.name));
  std::vector<std::string_view> names;
  for (const CallbackOption& option : entry.options) names.push_back(option.name);
  for (const auto& [key, value] : spec.options)
    if (std::ranges::find(names, key) == names.end())
      throw CallbackError(
          names.empty() ? fmt::format("callback {} has no option '{}'. It has none: leave it out.", entry.name, key)
                        : fmt::format("callback {} has no option '{}'. {}", entry.name, key, did_you_mean(key, names)));
  return entry.make(CallbackArguments(spec));
}

std::vector<Spec> default_callbacks() {
  return {{"progress", {}},
          {"csv_logger", {}},
          {"jsonl_logger", {}},
          {"history", {}},
          {"model_checkpoint", {}},
          {"early_stopping", {{"monitor", "val/loss"}, {"patience", "3"}}},
          {"reduce_lr_on_plateau", {{"monitor", "val/loss"}, {"patience", "1"}}},
          {"terminate_on_nan", {}}};
}

std::string describe_callbacks() {
  std::string text;
  const std::vector<Spec> defaults = default_callbacks();
  for (const CallbackEntry& entry : entries) {
    const bool standard = std::ranges::find(defaults, entry.name, &Spec::name) != defaults.end();
    text += fmt::format("{} {:<22}  {}\n", standard ? '*' : ' ', entry.name, entry.summary);
  }
  return text + "\n* runs unless --no-default-callbacks is given. More: sidestep callbacks NAME\n";
}

std::string describe_callback(std::string_view name) {
  const CallbackEntry& entry = entry_of(name);
  std::string text = fmt::format("{}: {}.\n", entry.name, entry.summary);
  if (!entry.options.empty()) text += "\n";
  for (const CallbackOption& option : entry.options)
    text += fmt::format("  {:<20}  {}{}\n      {}\n", option.name, option.type,
                        option.standard.empty() ? std::string{} : fmt::format(", {}", option.standard), option.meaning);
  const std::vector<Spec> defaults = default_callbacks();
  const auto at = std::ranges::find(defaults, entry.name, &Spec::name);
  if (at != defaults.end()) text += fmt::format("\nBy default `sidestep train` runs\n  {}\n", at->text());
  if (entry.make == nullptr) text += "\nFor programs alone: docs/callbacks.md shows how.\n";
  return text;
}

}  // namespace sidestep
