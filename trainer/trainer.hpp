#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include <sidestep/bus/bus.hpp>
#include <sidestep/trainer/control/callback.hpp>
#include <sidestep/trainer/control/control.hpp>
#include <sidestep/trainer/control/loop.hpp>
#include <sidestep/trainer/data/dataset.hpp>
#include <sidestep/trainer/earlier_run.hpp>
#include <sidestep/trainer/models/model.hpp>
#include <sidestep/trainer/schedule_spec.hpp>
#include <sidestep/trainer/training_report.hpp>

namespace sidestep {

struct TrainerOptions {
  std::string backend = "auto";
  std::int64_t epochs = 5;
  std::optional<std::int64_t> max_steps{};    ///< ends the run there; nothing: no limit
  std::optional<std::int64_t> limit_train{};  ///< only the first samples; nothing: all
  std::int64_t batch_size = 128;
  double lr = 2e-3;
  ScheduleSpec schedule{};  ///< default: cosine over the epochs
  std::string optimizer = "adamw";
  std::uint64_t seed = 1;
  std::optional<int> threads{};  ///< nothing: as many as the machine has; results don't depend on it
  bool tf32 = false;             ///< a device's products may be rounded to TF32: faster, and other bits
  std::int64_t run_ahead = 2;    ///< steps that a device may be ahead in relaxed mode; under lag(k) that is k
  std::optional<Sync> sync{};    ///< when decisions take effect; default: lag(2), on resuming what the checkpoint says
};

struct FitOptions {
  /// Where report.json, checkpoints/ and the files of callbacks go, and the checkpoint with which each run ends.
  /// Empty: here, without a report.json and without that checkpoint.
  std::filesystem::path out{};
  /// Goes on with the run in `out`, from its checkpoints/last.safetensors, or, where it was killed before there was
  /// one, from the newest whole one of its other checkpoints; from the beginning if there is none yet.
  bool resume = false;
  /// Begins anew where `out` holds a run already: its report.json and its checkpoints go when the first step is due,
  /// other files are overwritten as they come. Without it, and without `resume`, such a folder is refused.
  bool overwrite = false;
  /// Called when all that can be wrong before the first step is known to be well, with the step behind which the run
  /// goes on, 0 at its beginning, and the checkpoint that it goes on from, empty if there is none.
  std::function<void(Step, const std::filesystem::path&)> begun{};
  /// Told of each of the resumed run's warnings, right behind `begun`; they stand in the report too.
  std::function<void(const std::string&)> note{};
};

/// The run began and was broken off by an error of the loop or the backend. `report` is what had come of it.
struct TrainingError : std::runtime_error {
  TrainingError(const std::string& what, Step at, TrainingReport made)
      : std::runtime_error(what), step(at), report(std::move(made)) {}
  Step step;  ///< the last that was done
  TrainingReport report;
};

namespace detail {
struct TrainerParts;
void add_handler(TrainerParts& parts, std::function<void(Loop&)> add);
}  // namespace detail

/// Trains a model on images.
///
///   sidestep::Bus bus;
///   sidestep::Control control;
///   Trainer trainer{lenet(), fashion_mnist(path), {.epochs = 5, .seed = 1}};
///   auto report = trainer.fit(bus, control, {progress(), csv_logger("metrics.csv")});
///   fmt::print("{:.4f}\n", report.test->accuracy);
///
/// It publishes the events of <sidestep/bus/events.hpp> and the metrics batch/loss, batch/accuracy, train/loss,
/// train/accuracy, val/loss, val/accuracy, lr; and obeys SetLearningRate, ScaleLearningRate, SetSchedule, KeepWeights,
/// RestoreBest, Validate, ReleaseMemory, Stop and SaveCheckpoint at batch boundaries.
class Trainer {
 public:
  /// Throws ModelError, kernels::Error or std::invalid_argument for what doesn't fit together.
  Trainer(Model model, Dataset data, TrainerOptions options = {});
  Trainer(Trainer&&) noexcept;
  Trainer& operator=(Trainer&&) noexcept;
  ~Trainer();

  /// Trains from the seed's weights (or resumes) to the end, then measures on the test images. The bus is flushed and
  /// stays open. Each call is a run of its own.
  /// Throws TrainingError once the run has begun; before, what callbacks throw, EarlierRunError, ControlError,
  /// CheckpointError.
  TrainingReport fit(Bus& bus, Control& control, std::span<const Callback> callbacks, const FitOptions& options = {});
  TrainingReport fit(Bus& bus, Control& control, std::initializer_list<Callback> callbacks,
                     const FitOptions& options = {}) {
    return fit(bus, control, std::span(callbacks.begin(), callbacks.size()), options);
  }

  /// What a decision of yours does, in every fit() from now on; see Loop::on. It may replace what the trainer does.
  template <DecisionType D, class F>
  void on(F f) {
    detail::add_handler(*parts_, [f = std::move(f)](Loop& loop) { loop.on<D>(f); });
  }

  /// The step behind which fit() would go on with that run: 0 where it has no checkpoint yet. Throws CheckpointError if
  /// it couldn't. Costs nothing but time.
  Step check_resume(const FitOptions& options);

  /// With the weights as they are now.
  Score test();

  const TrainerOptions& options() const noexcept;
  const Model& model() const noexcept;
  std::string backend() const;      ///< "cpu", "cuda" or "cuda-emulated"
  std::string description() const;  ///< "cpu avx2, 2 threads"
  int threads() const noexcept;

 private:
  std::unique_ptr<detail::TrainerParts> parts_;
};

}  // namespace sidestep
