#include <sidestep/trainer/command/train.hpp>

#include <algorithm>
#include <chrono>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <sidestep/trainer/callbacks/registry.hpp>
#include <sidestep/trainer/command/exit_code.hpp>
#include <sidestep/trainer/command/signals.hpp>
#include <sidestep/trainer/command/summary.hpp>
#include <sidestep/trainer/control/atomic_file.hpp>
#include <sidestep/trainer/trainer.hpp>

namespace sidestep {
namespace {

/// The default ones, each replaced where somebody named one of its kind; the others behind them.
std::vector<Spec> callback_specs(const RunConfig& config) {
  std::vector<Spec> specs;
  if (!config.no_default_callbacks) {
    for (const Spec& each : default_callbacks()) {
      if (std::ranges::find(config.callbacks, each.name, &Spec::name) == config.callbacks.end()) specs.push_back(each);
    }
  }
  specs.insert(specs.end(), config.callbacks.begin(), config.callbacks.end());
  if (config.quiet) std::erase_if(specs, [](const Spec& each) { return each.name == "progress"; });
  return specs;
}

std::vector<Callback> make_callbacks(const std::vector<Spec>& specs) {
  std::vector<Callback> callbacks;
  for (const Spec& spec : specs) callbacks.push_back(make_callback(spec));
  return callbacks;
}

TrainerOptions trainer_options(const RunConfig& config) {
  return {.backend = config.backend,
          .epochs = config.epochs,
          .max_steps = config.max_steps,
          .limit_train = config.limit_train,
          .batch_size = config.batch_size,
          .lr = config.lr,
          .schedule = config.schedule,
          .optimizer = config.optimizer,
          .seed = config.seed,
          .threads = config.threads,
          .tf32 = config.tf32,
          .run_ahead = config.run_ahead,
          .sync = config.sync};
}

/// Whoever saves or keeps the best by a metric gets what he asked for some steps later.
bool saves_by_metric(const Spec& spec) {
  const std::string* restores = spec.find("restore_best_weights");
  return spec.name == "model_checkpoint" ||
         (restores != nullptr && (*restores == "true" || *restores == "yes" || *restores == "1"));
}

/// A sentence that isn't one of those that the command line knows becomes one: nothing has begun.
template <class Action>
auto before_the_run(Action action) {
  try {
    return action();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const CallbackError& error) {
    throw ConfigError(error.what());
  } catch (const std::logic_error& error) {  // ModelError, ControlError, ...
    throw ConfigError(error.what());
  }
}

int exit_code(const TrainingReport& report) {
  if (report.state == "interrupted") return 128 + SignalGuard::signal();
  return !report.failed().empty() ? exit_incomplete : exit_well;
}

/// Trains in a folder that holds config.toml, and says how it went.
class TrainRun {
 public:
  TrainRun(const RunConfig& config, Trainer& trainer, Control& control, Streams streams)
      : config_(config), trainer_(trainer), control_(control), streams_(streams) {}

  int run(RunFolder& folder, bool resume, bool recorded, const std::vector<Callback>& callbacks) {
    // The dispatcher wakes by itself a few times in the time that a decision has; longer naps would save nothing.
    Bus bus({.longest_nap = std::chrono::milliseconds(5)});
    if (recorded) recording_ = bus.record(folder.next_event_log());
    try {
      TrainingReport report = before_the_run(
          [&] { return trainer_.fit(bus, control_, callbacks, {.out = folder.path(), .resume = resume}); });
      folder.keep();
      close(bus, report, folder);
      return exit_code(report);
    } catch (TrainingError& error) {
      folder.keep();
      close(bus, error.report, folder);
      std::string why = error.what();
      while (why.ends_with('.')) why.pop_back();
      streams_.err << fmt::format(
          "sidestep: training broke off after step {}: {}. The last whole checkpoint stays: go on "
          "from it with --resume --out {}.\n",
          error.step, why, folder.path().string());
      return exit_broken_off;
    } catch (...) {  // nothing has begun: a folder that is resumed is left as it was
      bus.close();
      std::error_code ignored;
      if (recording_) std::filesystem::remove(recording_->path(), ignored);
      throw;
    }
  }

 private:
  /// Windows are flushed and pipelines end now, so only now all counts are final.
  void close(Bus& bus, TrainingReport& report, const RunFolder& folder) {
    bus.close();
    report.refresh(bus);
    if (recording_ && recording_->failed()) report.note_failure(recording_->error());
    try {
      report.write(folder.report_file());
    } catch (const FileError& error) {
      report.note_failure(error.what());
    }
    for (const std::string& failure : report.failed()) streams_.err << fmt::format("sidestep: {}\n", failure);
    if (config_.quiet) return;
    const std::string where = folder.path().string();
    streams_.out << summary(report) << '\n';
    if (report.state == "interrupted")
      streams_.out << fmt::format("interrupted; go on with: sidestep train --resume --out {}\n", where);
    else
      streams_.out << where << '\n';
    streams_.out << std::flush;
  }

  const RunConfig& config_;
  Trainer& trainer_;
  Control& control_;
  Streams streams_;
  std::optional<Recording> recording_;
};

}  // namespace

int run_train(TrainRequest request, Streams streams) {
  const RunConfig config = request.config;
  // A signal that comes while the data is read ends the run at its first boundary.
  Control control;
  const SignalGuard signals(control);
  // All that can be wrong is found before the folder is made.
  const std::vector<Spec> specs = callback_specs(config);
  const std::vector<Callback> callbacks = before_the_run([&] { return make_callbacks(specs); });
  Trainer trainer = before_the_run(
      [&] { return Trainer(model_named(config.model), fashion_mnist(config.data), trainer_options(config)); });
  const bool resume = request.resumed.has_value();
  if (resume) trainer.check_resume({.out = request.resumed->path(), .resume = true});
  RunFolder folder = request.open_folder();
  if (config.sync.relaxed() && !config.quiet && std::ranges::any_of(specs, saves_by_metric))
    streams.out << "sync relaxed: a best checkpoint or kept weights may be some steps younger than their metric.\n";
  return TrainRun(config, trainer, control, streams).run(folder, resume, request.record, callbacks);
}

}  // namespace sidestep
