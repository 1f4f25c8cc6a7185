#include <sidestep/trainer/command/train.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <sidestep/bus/recording.hpp>
#include <sidestep/bus/shared_bus.hpp>
#include <sidestep/kernels/cuda_backend.hpp>
#include <sidestep/trainer/backend.hpp>
#include <sidestep/trainer/callbacks/registry.hpp>
#include <sidestep/trainer/command/exit_code.hpp>
#include <sidestep/trainer/command/finished_run.hpp>
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
  return specs;
}

/// Whatever has no two in a run: they would write over each other, or only the last would count.
constexpr std::array<std::string_view, 3> one_in_a_run{"progress", "history", "learning_rate_schedule"};

/// All are made, those that stay silent too: what is wrong with their options is said. Several of one name run beside
/// each other, each under a name of its own: early_stopping, early_stopping-2 (model_checkpoint#2 is the second
/// pipeline of a model_checkpoint).
std::vector<Callback> make_callbacks(const std::vector<Spec>& specs, bool quiet) {
  std::vector<Callback> callbacks;
  std::map<std::string, std::vector<std::string>> settings;  // of those of each name
  for (const Spec& spec : specs) {
    Callback callback = make_callback(spec);
    std::vector<std::string>& others = settings[callback.name];
    if (!others.empty() && std::ranges::find(one_in_a_run, callback.name) != one_in_a_run.end())
      throw ConfigError(fmt::format("--callback {}: a run has one {}, and this is another. Leave one out.", spec.text(),
                                    callback.name));
    if (std::ranges::find(others, callback.settings) != others.end())
      throw ConfigError(
          fmt::format("--callback {}: is given twice, with the same options. Leave one out.", spec.text()));
    others.push_back(callback.settings);
    if (others.size() > 1) callback.name += fmt::format("-{}", others.size());
    callbacks.push_back(std::move(callback));
  }
  if (quiet) std::erase_if(callbacks, [](const Callback& each) { return each.name == "progress"; });
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

struct SampleCounts {
  std::size_t train = 0, validation = 0, test = 0;
};

SampleCounts counts_of(const Dataset& data, const RunConfig& config) {
  const std::size_t all = data.train().count();
  const std::size_t train = config.limit_train ? std::min(all, static_cast<std::size_t>(*config.limit_train)) : all;
  return {train, data.validation().count(), data.test().count()};
}

/// No step would have as many samples as were asked for. (The default may have been asked for by nobody, and stands in
/// the config.toml of such a run: little data is one batch.)
void refuse_too_large_a_batch(const TrainRequest& request, std::size_t samples) {
  const auto batch = static_cast<std::size_t>(request.config.batch_size);
  const bool is_default = request.config.batch_size == RunConfig{}.batch_size;
  if (samples == 0 || batch <= samples || (is_default && !request.said.contains("batch-size"))) return;
  throw ConfigError(
      fmt::format("{} {}: is larger than the {} samples that train. Say --batch-size {} or less, or train on more.",
                  request.spelled("batch-size"), batch, samples, samples));
}

/// What no session can be made with, in the words of the command line.
void refuse_a_backend_that_does_not_serve(const TrainRequest& request) {
  const RunConfig& config = request.config;
  if (config.tf32 && resolve_backend(config.backend) == "cpu")
    throw ConfigError(
        fmt::format("{}: is for devices. Leave it out on the CPU, or take --backend cuda.", request.spelled("tf32")));
  if (config.backend != "cuda" && config.backend != "cuda-emulated") return;
  if (const kernels::CudaStatus status = kernels::cuda_status(config.backend); !status.ready())
    throw ConfigError(fmt::format("{} {}: {}{}", request.spelled("backend"), config.backend, status.sentence,
                                  status.sentence.ends_with('.') ? "" : "."));
}

/// Why a run that is to be resumed has nothing left to do, if it hasn't.
std::optional<std::string> nothing_to_do_in(const RunFolder& folder, const RunConfig& config,
                                            const SampleCounts& samples, Step done) {
  const auto run = read_finished_run(folder.report_file(), done);
  if (!run) return std::nullopt;
  const RunConfig before = folder.stored_config();
  const auto batch = static_cast<Step>(config.batch_size);
  return nothing_to_do(*run, {before.epochs, before.max_steps}, {config.epochs, config.max_steps},
                       (static_cast<Step>(samples.train) + batch - 1) / batch);
}

/// What is about to be trained, on what, by what.
std::string what_trains(const RunConfig& config, const Trainer& trainer, const SampleCounts& samples) {
  std::string device = trainer.description();
  if (device.find("thread") == std::string::npos) device += fmt::format(", {} threads", trainer.threads());
  return fmt::format("{}; data {} ({} train, {} validation, {} test); {}; sync {}\n", config.model, config.data,
                     samples.train, samples.validation, samples.test, device, config.sync.text());
}

/// Trains in a folder that holds config.toml, and says how it went.
class TrainRun {
 public:
  TrainRun(const RunConfig& config, Trainer& trainer, Control& control, Streams streams, std::string first_lines)
      : config_(config),
        trainer_(trainer),
        control_(control),
        streams_(streams),
        first_lines_(std::move(first_lines)) {}

  int run(RunFolder& folder, bool resume, bool recorded, bool shared, const std::vector<Callback>& callbacks) {
    // The dispatcher wakes by itself a few times in the time that a decision has; longer naps would save nothing.
    Bus bus({.longest_nap = std::chrono::milliseconds(5), .shared = shared ? share(folder) : nullptr});
    if (recorded) record(bus, folder);
    try {
      TrainingReport report = before_the_run([&] {
        return trainer_.fit(
            bus, control_, callbacks,
            {.out = folder.path(),
             .resume = resume,
             .begun = [&](Step done, const std::filesystem::path& from) { begun(folder, resume, done, from); },
             .note =
                 [&](const std::string& what) {
                   if (!config_.quiet) streams_.out << fmt::format("note: {}\n", what) << std::flush;
                 }});
      });
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
    } catch (...) {  // if nothing has begun, a folder that is resumed is left as it was
      bus.close();
      std::error_code ignored;
      if (recording_ && !has_begun_) std::filesystem::remove(recording_->path(), ignored);
      throw;
    }
  }

 private:
  void begun(RunFolder& folder, bool resume, Step done, const std::filesystem::path& from) {
    has_begun_ = true;
    folder.keep();
    if (config_.quiet) return;
    streams_.out << first_lines_;
    if (resume && done > 0)
      streams_.out << fmt::format("goes on behind step {}, from {}\n", done, from.string());
    else if (resume)
      streams_.out << fmt::format("{} has no checkpoint yet: it begins at the first step\n", folder.path().string());
    streams_.out << std::flush;
  }

  /// A disk that is full is no reason not to train.
  void record(Bus& bus, const RunFolder& folder) {
    try {
      recording_ = bus.record(folder.next_event_log());
    } catch (const std::exception& error) {
      record_error_ = error.what();
    }
  }
  /// What the log cost, apart from the callbacks, which somebody asked for.
  void tell_recording(TrainingReport& report) {
    if (!record_error_.empty()) report.note_failure(record_error_);
    if (!recording_) return;
    auto& rows = report.json["callbacks"];
    for (auto row = rows.begin(); row != rows.end(); ++row) {
      if ((*row)["name"] != recording_->handle()->owner()) continue;
      nlohmann::ordered_json mine = std::move(*row);
      rows.erase(row);
      mine["name"] = recording_->path().filename().string();
      mine["bytes"] = recording_->bytes();
      report.json["recording"] = std::move(mine);
      break;
    }
    if (recording_->failed()) report.note_failure(recording_->error());
  }

  /// So that the run can be watched; null: it can't, and goes on without.
  std::shared_ptr<SharedBus> share(const RunFolder& folder) const {
    try {
      return std::make_shared<SharedBus>(folder.path());
    } catch (const ShareError& error) {
      streams_.err << fmt::format("sidestep: the run can't be watched: {}.\n", error.what());
      return nullptr;
    }
  }

  /// Windows are flushed and pipelines end now, so only now all counts are final.
  void close(Bus& bus, TrainingReport& report, const RunFolder& folder) {
    bus.close();
    report.refresh(bus);
    tell_recording(report);
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
    streams_.out << fmt::format("files: {}\n", where) << std::flush;
    if (!streams_.out)
      streams_.err << "sidestep: standard output couldn't be written: what is missing there stands in report.json.\n";
  }
  /// Beside what the report says: not all could be said.
  int exit_code(const TrainingReport& report) const {
    const int code = sidestep::exit_code(report);
    return code == exit_well && !streams_.out ? exit_incomplete : code;
  }

  const RunConfig& config_;
  Trainer& trainer_;
  Control& control_;
  Streams streams_;
  const std::string first_lines_;
  std::optional<Recording> recording_;
  std::string record_error_;
  bool has_begun_ = false;
};

}  // namespace

int run_train(TrainRequest request, Streams streams) {
  const RunConfig config = request.config;
  // A signal that comes while the data is read ends the run at its first boundary.
  Control control;
  const SignalGuard signals(control);
  const std::vector<Spec> specs = callback_specs(config);
  const std::vector<Callback> callbacks = before_the_run([&] { return make_callbacks(specs, config.quiet); });
  refuse_a_backend_that_does_not_serve(request);
  const bool resume = request.resumed.has_value();
  // A new one is there before the data is read, which takes seconds: whoever kills us meanwhile can resume. It goes
  // away if we refuse.
  std::optional<RunFolder> folder;
  if (!resume) folder.emplace(request.open_folder());
  SampleCounts samples;
  Trainer trainer = before_the_run([&] {
    Dataset data = fashion_mnist(config.data);
    samples = counts_of(data, config);
    refuse_too_large_a_batch(request, samples.train);
    return Trainer(model_named(config.model), std::move(data), trainer_options(config));
  });
  if (resume) {
    const RunFolder& before = *request.resumed;
    const Step done = trainer.check_resume({.out = before.path(), .resume = true});
    if (const auto why = nothing_to_do_in(before, config, samples, done)) {
      if (!config.quiet) streams.out << fmt::format("{}: {}\n", before.path().string(), *why);
      return exit_well;
    }
    folder.emplace(request.open_folder());  // only now: it rewrites config.toml
  }
  std::string first_lines = what_trains(config, trainer, samples);
  if (config.sync.relaxed() && std::ranges::any_of(specs, saves_by_metric))
    first_lines += "sync relaxed: a best checkpoint or kept weights may be some steps younger than their metric.\n";
  return TrainRun(config, trainer, control, streams, std::move(first_lines))
      .run(*folder, resume, request.record, request.share, callbacks);
}

}  // namespace sidestep
