#include <sidestep/operators/filter.hpp>
#include <sidestep/operators/pipe.hpp>
#include <sidestep/trainer/callbacks/arguments.hpp>
#include <sidestep/trainer/callbacks/model_checkpoint.hpp>
#include <sidestep/trainer/callbacks/shared_options.hpp>
#include <sidestep/trainer/control/decide.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sidestep {
namespace {

constexpr std::string_view name = "model_checkpoint";

std::string default_file(std::int64_t keep) {
  return keep == 1 ? "best.safetensors" : "epoch-{epoch}-step-{step}.safetensors";
}

std::string file_name(const std::string& pattern, const Look& look) {
  return fmt::format(fmt::runtime(pattern), fmt::arg("epoch", look.epoch), fmt::arg("step", look.step),
                     fmt::arg("value", look.value));
}

void check_file(const ModelCheckpointOptions& options) {
  const bool within_epochs = options.at.batches > 0;  // so that an epoch has many looks
  std::string one, another;
  try {
    one = file_name(options.file, {.value = 0.25, .step = 1'000'000'000, .epoch = 10'000});
    another = file_name(options.file, {.value = 0.25, .step = 1'000'000'001, .epoch = within_epochs ? 10'000 : 10'001});
  } catch (const fmt::format_error& error) {
    throw CallbackError(fmt::format("{}: file={} can't be filled in ({}). Use {{epoch}}, {{step}} and {{value}} alone.",
                                    name, options.file, error.what()));
  }
  if (one.find('/') != std::string::npos || one == "." || one == ".." || one.empty())
    throw CallbackError(
        fmt::format("{}: file={} must be a name in the checkpoint folder, without '/'.", name, options.file));
  if (one.size() > 63)
    throw CallbackError(fmt::format("{}: file={} makes names of more than 63 bytes. Shorten it.", name, options.file));
  if (options.save_top_k != 1 && one == another) {
    std::string_view why;
    if (within_epochs && options.file.find("{epoch") != std::string::npos)
      why = ", and an epoch has many looks";
    else if (options.file.find("{value") != std::string::npos)
      why = ", and two looks may see one value";
    throw CallbackError(fmt::format("{}: save_top_k={} needs names that differ{}. Put {} into file={}.", name,
                                    options.save_top_k, why, within_epochs ? "{step}" : "{epoch} or {step}",
                                    options.file));
  }
}

bool is_due(const ModelCheckpointOptions& options, Epoch epoch) {
  return options.at.batches > 0 || epoch % options.every_n_epochs == 0;
}

/// The moments at which the run is to be saved, whatever any metric says.
struct SaveLast {
  ModelCheckpointOptions options;
  std::string file;

  std::optional<SaveCheckpoint> operator()(const OneOf<BatchEnd, EpochEnd>& event) const {
    bool due = false;
    if (const auto* batch = event.get_if<BatchEnd>())
      due = options.at.batches > 0 && batch->step % options.at.batches == 0;
    else if (const auto* epoch = event.get_if<EpochEnd>())
      due = options.at.batches == 0 && !epoch->partial && is_due(options, epoch->epoch);
    if (!due) return {};
    return SaveCheckpoint{.file = file, .last = true, .reason = "the last"};
  }
  void state(auto&) {}  // the options are constants
};

}  // namespace

BestCheckpointRule::BestCheckpointRule(const ModelCheckpointOptions& options, std::string_view owner)
    : options_(options), better_(options.mode, options.monitor, 0, owner) {
  if (options_.file.empty()) options_.file = default_file(options_.save_top_k);
}

std::optional<SaveCheckpoint> BestCheckpointRule::operator()(const Look& look) {
  if (look.kind == Look::Kind::begin) best_.clear();
  if (look.kind != Look::Kind::look || !look.came || std::isnan(look.value) || !is_due(options_, look.epoch)) return {};
  if (options_.initial_value_threshold && !better_(look.value, *options_.initial_value_threshold)) return {};

  SaveCheckpoint save{.file = file_name(options_.file, look)};
  const auto same_file = std::ranges::find(best_, std::string(save.file.view()), &decltype(best_)::value_type::first);
  // of equal ones the older stays
  auto worst = best_.begin();
  for (auto at = best_.begin(); at != best_.end(); ++at)
    if (!better_(at->second, worst->second)) worst = at;
  const bool full = options_.save_top_k > 0 && std::ssize(best_) >= options_.save_top_k;
  if (full && !better_(look.value, worst->second)) return {};

  if (same_file != best_.end()) {
    best_.erase(same_file);  // it is overwritten, so it must not be deleted
  } else if (full) {
    save.supersedes[0] = worst->first;
    best_.erase(worst);
  }
  if (options_.save_top_k > 0) best_.emplace_back(save.file.view(), look.value);
  save.reason = fmt::format("{} is {:.5g}", options_.monitor, look.value);
  return save;
}

Callback model_checkpoint(ModelCheckpointOptions options) {
  if (options.file.empty()) options.file = default_file(options.save_top_k);
  detail::check_monitor(name, options.monitor, options.at);
  if (options.save_top_k < -1 || options.save_top_k > 1000)
    throw CallbackError(
        fmt::format("{}: save_top_k={} is out of range. Say -1 (all) or 0 to 1000.", name, options.save_top_k));
  if (options.every_n_epochs < 1)
    throw CallbackError(fmt::format("{}: every_n_epochs={} never comes. Say 1 or more.", name, options.every_n_epochs));
  if (options.initial_value_threshold && !std::isfinite(*options.initial_value_threshold))
    throw CallbackError(
        fmt::format("{}: initial_value_threshold={} is not a number to beat.", name, *options.initial_value_threshold));
  if (options.save_top_k != 0) {
    check_file(options);
    (void)BestCheckpointRule(options, name);  // the mode is checked here, not when the run begins
  }
  std::string settings = fmt::format("monitor={},mode={},save_top_k={},file={},every_n_epochs={},save_last={},at={}",
                                     options.monitor, static_cast<int>(options.mode), options.save_top_k, options.file,
                                     options.every_n_epochs, options.save_last, options.at.text());
  if (options.initial_value_threshold)
    settings += fmt::format(",initial_value_threshold={}", *options.initial_value_threshold);
  return {std::string(name), std::move(settings), [options](CallbackContext& run) {
            if (!run.can_save)
              throw CallbackError(
                  fmt::format("{}: this loop can't save. Give control.attach a .snapshot, or leave the "
                              "callback out.",
                              run.name));
            const std::string last = run.last.empty() ? "last.safetensors" : run.last;
            if (options.save_top_k != 0 && file_name(options.file, {}) == last)
              throw CallbackError(
                  fmt::format("{}: file={} is the name of the last checkpoint. Choose another.", run.name, last));
            if (options.save_top_k != 0 && run.files != nullptr &&
                !run.files->insert(run.checkpoints / options.file).second)
              throw CallbackError(fmt::format("{}: file={} is another callback's already. Choose another: file=NAME.",
                                              run.name, options.file));
            if (options.save_top_k != 0)
              monitored(run) | Monitor(options.monitor, options.at, run) |
                  decide(run.control, BestCheckpointRule(options, run.name));
            // a pipeline of its own: it goes on if the metric never comes
            if (options.save_last) run.on<BatchEnd, EpochEnd>() | decide(run.control, SaveLast{options, last});
          }};
}

namespace {

constexpr CallbackOption model_checkpoint_options[] = {
    {"monitor", "metric", "val/accuracy", "what makes a checkpoint one of the best"},
    detail::mode_option,
    {"save_top_k", "integer", "1", "how many of the best stay; -1: all, 0: none"},
    {"file", "name", "", "may hold {epoch}, {step}, {value}; .safetensors is added; default: best"},
    {"every_n_epochs", "integer", "1", "looks at the end of every N-th epoch"},
    {"save_last", "yes|no", "yes", "last.safetensors at each look, whatever the metric"},
    detail::at_option,
    {"initial_value_threshold", "number|none", "none", "only what is better than this is one of the best"}};

// Keras', then Lightning's.
constexpr ForeignOption model_checkpoint_elsewhere[] = {
    {"filepath", "Say file=NAME."},
    {"save_best_only", "Say save_top_k=1 for the best alone, -1 for all."},
    {"save_freq", "Say at=batch:N or every_n_epochs=N."},
    {"save_weights_only", "A checkpoint holds all that a run needs to go on, the weights under their own names."},
    {"filename", "Say file=NAME."},
    {"dirpath", "Checkpoints lie in the run's folder."},
    {"every_n_train_steps", "Say at=batch:N."}};

Callback make_model_checkpoint(const CallbackArguments& given) {
  ModelCheckpointOptions o;
  given.text("monitor", o.monitor).mode("mode", o.mode).integer("save_top_k", o.save_top_k, -1).text("file", o.file);
  given.integer("every_n_epochs", o.every_n_epochs, 1).flag("save_last", o.save_last).when("at", o.at);
  given.number("initial_value_threshold", o.initial_value_threshold);
  // what the command writes is safetensors; a program's saver may write something else
  constexpr std::string_view ending = ".safetensors";
  if (!o.file.empty() && !o.file.ends_with(ending)) o.file += ending;
  return model_checkpoint(o);
}

}  // namespace

constinit const CallbackEntry model_checkpoint_entry{
    .name = "model_checkpoint",
    .summary = "saves the best checkpoints, and the last",
    .options = model_checkpoint_options,
    .make = make_model_checkpoint,
    .by_default = "",
    .elsewhere = model_checkpoint_elsewhere,
};

}  // namespace sidestep
