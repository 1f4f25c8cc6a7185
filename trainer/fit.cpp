#include <sidestep/trainer/fit.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <sidestep/trainer/backend.hpp>
#include <sidestep/trainer/control/loop.hpp>
#include <sidestep/trainer/control/numbers.hpp>
#include <sidestep/trainer/control/report.hpp>
#include <sidestep/trainer/data/order.hpp>
#include <sidestep/trainer/earlier_run.hpp>
#include <sidestep/trainer/report_file.hpp>
#include <sidestep/trainer/resume_point.hpp>
#include <sidestep/trainer/version.hpp>

namespace sidestep::detail {
namespace {

using Json = nlohmann::ordered_json;

double seconds_since(Nanoseconds begin) { return static_cast<double>(Clock::steady() - begin) / 1e9; }

/// The metrics' names, interned once.
struct MetricNames {
  Name batch_loss = intern("batch/loss"), batch_accuracy = intern("batch/accuracy");
  Name train_loss = intern("train/loss"), train_accuracy = intern("train/accuracy");
  Name val_loss = intern("val/loss"), val_accuracy = intern("val/accuracy");
  Name lr = intern("lr"), gradient_norm = intern("batch/gradient_norm");
};

/// A step that has begun and whose record hasn't come.
struct Begun {
  Step step = 0;
  std::int32_t batch = 0;
  double rate = 0;
  bool announced = false;  ///< its BatchBegin is out
};

/// A checkpoint cut behind a step that a device was still at work on: its sums wait for the step's record.
struct LateState {
  TrainerState state;
  std::shared_ptr<std::string> text;
};

class Fit {
 public:
  Fit(TrainerParts& parts, Bus& bus, Control& control, const FitOptions& where)
      : parts_(parts),
        options_(parts.options),
        where_(where),
        batches_(static_cast<std::int32_t>((parts.train_samples.count() + batch_size() - 1) / batch_size())),
        last_step_(std::min<Step>(options_.epochs * batches_, options_.max_steps.value_or(options_.epochs * batches_))),
        point_(begin_or_resume(parts, where)),
        session_(*parts.session),
        state_(point_.state),
        report_file_(where.out, [this](Json& json) { add_counts(json); }),
        loop_(control.attach(bus, attach_options())) {
    obey_learning_rate();
    obey_weights();
    loop_.on<Validate>([this](const Validate&) {
      take_records(0);
      validate(loop_.epoch());
    });
    loop_.on<ReleaseMemory>([this](const ReleaseMemory&, const Cause& cause) {
      const std::size_t bytes = session_.release_memory();
      loop_.publish_behind(
          MemoryReleased{.step = cause.applied_step, .bytes_released = static_cast<std::int64_t>(bytes)});
    });
    for (const auto& add : parts.handlers) add(loop_);
    if (point_.checkpoint) loop_.resume(std::move(*point_.checkpoint), point_.file.filename().string());
    const Sync sync = loop_.sync();  // the checkpoint's, where nobody said another
    run_ahead_ = std::min(sync.relaxed() ? parts.run_ahead : static_cast<std::size_t>(sync.k), parts.run_ahead);
    begun_.reserve(run_ahead_ + 1);
  }

  TrainingReport run(std::span<const Callback> callbacks) {
    loop_.use(callbacks);
    begin();
    std::error_code ignored;  // whoever writes there says it better
    if (!where_.out.empty()) std::filesystem::create_directories(where_.out, ignored);
    if (!where_.out.empty() && where_.overwrite && !where_.resume) remove_earlier_run(where_.out);
    if (where_.begun) where_.begun(state_.step, point_.file);
    if (where_.note)
      for (const std::string& each : warnings()) where_.note(each);
    report_file_.refresh(head("running"));
    report_file_.write();
    try {
      train();
    } catch (const std::exception& error) {
      publish_arrived();
      const Step done = begun_.empty() ? state_.step : begun_.front().step - 1;
      loop_.publish(ExceptionRaised{.step = done, .what = intern(error.what())});
      loop_.bus().flush();
      throw TrainingError(error.what(), done, finished_report("failed"));
    }
    return finished_report(loop_.interrupted().empty() ? "finished" : "interrupted");
  }

 private:
  std::size_t batch_size() const { return static_cast<std::size_t>(options_.batch_size); }

  AttachOptions attach_options() {
    AttachOptions how;
    how.sync = options_.sync;
    how.snapshot = [this](const Cut&) { return snapshot(); };
    how.folder = where_.out / "checkpoints";
    if (where_.out.empty()) how.last.clear();
    if (!where_.out.empty()) how.run_folder = where_.out;
    how.seed = options_.seed;
    how.learning_rate = options_.lr;
    how.begins_again = where_.resume && !point_.checkpoint;
    how.before_visible = [this](const Cut&) { report_file_.write(); };
    return how;
  }

  // ---- the run

  /// Throws ControlError for a pipeline that can't be part of this run, CheckpointError for one that can't go on with
  /// it.
  void begin() {
    loop_.publish(FitBegin{.step = state_.step,
                           .steps_per_epoch = batches_,
                           .last_step = last_step_,
                           .epoch = state_.epoch,
                           .epochs = static_cast<Epoch>(options_.epochs)});
  }

  void train() {
    // an epoch whose steps are all done may still lack its validation: a signal came in between
    while (state_.epoch <= options_.epochs && (state_.step < last_step_ || state_.batch == batches_) &&
           !loop_.stopped())
      run_epoch();
    loop_.end();
    if (loop_.interrupted().empty()) {
      test_ = parts_.score(parts_.test, parts_.data.test().count());
      loop_.publish(TestEnd{.step = state_.step,
                            .loss = test_->loss,
                            .accuracy = test_->accuracy,
                            .samples = static_cast<std::int64_t>(parts_.data.test().count())});
    }
    loop_.finish();
  }

  void run_epoch() {
    if (state_.batch == 0) loop_.publish(EpochBegin{.step = state_.step, .epoch = state_.epoch, .batches = batches_});
    order_.resize(parts_.train_samples.count());
    epoch_order({.seed = options_.seed, .epoch = static_cast<std::uint32_t>(state_.epoch)}, order_);
    const Nanoseconds waited_before = loop_.waited_ns();
    not_training_ns_ = 0;
    epoch_began_ = Clock::steady();
    while (state_.batch < batches_ && state_.step < last_step_ && !loop_.stopped()) run_step();
    take_records(0);
    EpochResult result = under_way();
    point_.seconds_under_way = 0;
    const Nanoseconds waited = loop_.waited_ns() - waited_before;
    if (state_.batch < batches_ || !loop_.interrupted().empty())
      cut_short(std::move(result), waited);
    else
      complete(std::move(result), waited);
  }

  /// The epoch as it is now.
  EpochResult under_way() const {
    const double here = epoch_began_ == 0 ? 0 : seconds_since(epoch_began_ + not_training_ns_);
    return {.epoch = state_.epoch,
            .step = state_.step,
            .seconds = point_.seconds_under_way + here,
            .samples = state_.sums.samples,
            .learning_rate = state_.last_rate,
            .train = state_.sums.score(),
            .partial = true};
  }

  std::span<const std::uint32_t> batch(std::int32_t number) const {
    const std::size_t begin = static_cast<std::size_t>(number - 1) * batch_size();
    if (begin >= order_.size()) return {};
    return std::span(order_).subspan(begin, std::min(batch_size(), order_.size() - begin));
  }

  void run_step() {
    const Begun now{.step = state_.step + 1,
                    .batch = state_.batch + 1,
                    .rate = state_.learning_rate.at(state_.step + 1),
                    .announced = begun_.empty()};
    if (now.announced) announce(now);
    session_.submit(
        parts_.train, batch(now.batch),
        {.learning_rate = now.rate, .step = static_cast<std::uint64_t>(now.step), .upcoming = batch(now.batch + 1)});
    begun_.push_back(now);
    state_.step = now.step;
    state_.batch = now.batch;
    state_.last_rate = now.rate;
    take_records(run_ahead_);
    if (begun_.empty())
      loop_.boundary();
    else
      loop_.boundary({.step = now.step, .epoch = state_.epoch, .batch = now.batch, .learning_rate = now.rate});
  }

  /// Publishes every step whose record has come, and waits until no more than `left` are under way.
  void take_records(std::size_t left) {
    kernels::StepRecord record;
    while (!begun_.empty()) {
      if (begun_.size() > left)
        record = session_.wait();
      else if (!session_.poll(record))
        return;
      const Begun one = begun_.front();
      begun_.erase(begun_.begin());
      came(one, record);
    }
  }

  /// The run breaks off: what the backend has measured by now still goes out. Waits for nothing, and throws nothing.
  void publish_arrived() noexcept {
    try {
      for (kernels::StepRecord record; !begun_.empty() && session_.poll(record);) {
        const Begun one = begun_.front();
        begun_.erase(begun_.begin());
        came(one, record);
      }
    } catch (const std::exception&) {  // what ended the run is what it is told of
    }
  }

  void announce(const Begun& one) {
    loop_.publish(BatchBegin{.step = one.step, .epoch = state_.epoch, .batch = one.batch});
  }

  void came(const Begun& one, const kernels::StepRecord& record) {
    if (record.step != static_cast<std::uint64_t>(one.step))
      throw kernels::Error(
          fmt::format("the backend's record of step {} came where step {}'s was due", record.step, one.step));
    if (!one.announced) announce(one);
    time(record);
    state_.sums.loss += record.loss * static_cast<double>(record.samples);
    state_.sums.correct += record.correct;
    state_.sums.samples += record.samples;
    if (!late_.empty() && late_.front().state.step == one.step) finish_late_states(one.step);
    const double accuracy = static_cast<double>(record.correct) / static_cast<double>(record.samples);
    const auto measured = [&](Name name, double value) {
      return Metric{.step = one.step, .value = value, .metric = name, .epoch = state_.epoch};
    };
    const BatchEnd end{.step = one.step,
                       .loss = record.loss,
                       .learning_rate = one.rate,
                       .accuracy = static_cast<float>(accuracy),
                       .epoch = state_.epoch,
                       .batch = one.batch,
                       .samples = static_cast<std::int32_t>(record.samples)};
    if (std::isnan(record.gradient_norm))
      loop_.publish(measured(names_.batch_loss, record.loss), measured(names_.batch_accuracy, accuracy), end);
    else
      loop_.publish(measured(names_.batch_loss, record.loss), measured(names_.batch_accuracy, accuracy),
                    measured(names_.gradient_norm, static_cast<double>(record.gradient_norm)), end);
  }

  /// From one step's end to the next's by the device's own clock; what lies between two epochs isn't counted.
  void time(const kernels::StepRecord& record) {
    if (record.device_ns != 0 && device_ended_ != 0) {
      device_ns_ += record.device_ns - device_ended_;
      ++device_steps_;
    }
    device_ended_ = record.device_ns;
  }

  void finish_late_states(Step step) {
    while (!late_.empty() && late_.front().state.step == step) {
      late_.front().state.sums = state_.sums;
      *late_.front().text = late_.front().state.to_text();
      late_.erase(late_.begin());
    }
  }

  Metric metric(Name name, double value) const {
    return {.step = state_.step, .value = value, .metric = name, .epoch = state_.epoch};
  }

  /// The loop cuts its checkpoint before the event goes out: a run that goes on longer never knows of it.
  void cut_short(EpochResult result, Nanoseconds waited) {
    cut_short_ = std::move(result);
    loop_.publish(EpochEnd{.step = state_.step,
                           .seconds = cut_short_->seconds,
                           .samples = cut_short_->samples,
                           .waited_ns = waited,
                           .epoch = state_.epoch,
                           .partial = true});
  }

  void complete(EpochResult result, Nanoseconds waited) {
    result.partial = false;
    result.val = validate(state_.epoch);
    loop_.publish(metric(names_.train_loss, result.train.loss), metric(names_.train_accuracy, result.train.accuracy),
                  metric(names_.lr, result.learning_rate), metric(names_.val_loss, result.val->loss),
                  metric(names_.val_accuracy, result.val->accuracy),
                  EpochEnd{.step = state_.step,
                           .seconds = result.seconds,
                           .samples = result.samples,
                           .waited_ns = waited,
                           .epoch = state_.epoch});
    // before the boundary: a checkpoint that is cut there goes on with the next epoch
    state_.epochs.push_back(std::move(result));
    state_.epoch += 1;
    state_.batch = 0;
    state_.sums = {};
    not_training_ns_ = 0;
    const Nanoseconds begin = Clock::steady();
    loop_.boundary();
    state_.epochs.back().seconds += seconds_since(begin + not_training_ns_);
  }

  Score validate(Epoch epoch) {
    device_ended_ = 0;
    const Nanoseconds begin = Clock::steady();
    const auto samples = parts_.data.validation().count();
    loop_.publish(ValidationBegin{.step = state_.step, .epoch = epoch, .samples = static_cast<std::int32_t>(samples)});
    const Score score = parts_.score(parts_.validation, samples);
    loop_.publish(ValidationEnd{.step = state_.step,
                                .loss = score.loss,
                                .accuracy = score.accuracy,
                                .seconds = seconds_since(begin),
                                .epoch = epoch,
                                .samples = static_cast<std::int32_t>(samples)});
    not_training_ns_ += Clock::steady() - begin;
    return score;
  }

  // ---- what callbacks may ask for

  Outcome rate_behind(const Cause& cause) const {
    Outcome outcome;
    outcome.learning_rate = state_.learning_rate.at(cause.applied_step + 1);
    return outcome;
  }

  void obey_learning_rate() {
    loop_.on<SetLearningRate>([this](const SetLearningRate& d, const Cause& cause) {
      if (!std::isfinite(d.learning_rate) || d.learning_rate < 0)
        return Outcome::refuse(fmt::format("{} is no learning rate", d.learning_rate));
      state_.learning_rate.set(d.learning_rate);
      return rate_behind(cause);
    });
    loop_.on<ScaleLearningRate>([this](const ScaleLearningRate& d, const Cause& cause) {
      if (!(d.by >= 0 && d.by <= 1)) return Outcome::refuse(fmt::format("a factor of {} doesn't lower it", d.by));
      state_.learning_rate.scale(d.by, d.min_lr, cause.applied_step + 1);
      return rate_behind(cause);
    });
    loop_.on<SetSchedule>([this](const SetSchedule& d, const Cause& cause) {
      const Step next = cause.applied_step + 1;
      for (const Step step : {next, std::max(next, last_step_)})
        if (const double rate = d.schedule.at(step); !std::isfinite(rate) || rate < 0)
          return Outcome::refuse(fmt::format("its learning rate of step {} is {}", step, without_sign_if_nan(rate)));
      state_.learning_rate.schedule = d.schedule;
      return rate_behind(cause);
    });
  }

  void obey_weights() {
    loop_.on<KeepWeights>([this](const KeepWeights& d, const Cause& cause) {
      const std::string owner(d.owner.view());
      const Step step = cause.step.value_or(cause.applied_step);
      point_.kept.erase(owner);  // first: the new copy takes over the old one's memory, unless a writer still reads it
      point_.kept[owner] = {step, snapshots_.take(session_, kernels::Contents::weights)};
      state_.kept[owner] = step;
    });
    loop_.on<RestoreBest>([this](const RestoreBest& d) -> Outcome {
      const auto kept = point_.kept.find(std::string(d.owner.view()));
      if (kept == point_.kept.end()) return Outcome::refuse(fmt::format("'{}' has kept no weights", d.owner.view()));
      if (kept->second.cause_step != d.cause_step)
        return Outcome::refuse(
            fmt::format("the weights kept are those of step {}, not {}", kept->second.cause_step, d.cause_step));
      session_.restore(*kept->second.weights);
      return {};
    });
  }

  // ---- checkpoints and the report

  /// On the loop's thread, at the cut. What it returns runs on the writer's thread, while training goes on.
  CheckpointWriter snapshot() {
    report_file_.refresh(head("running"));
    state_.algorithms = algorithms_of(session_);
    std::shared_ptr<kernels::Snapshot> copy = snapshots_.take(session_, kernels::Contents::everything);
    auto text = std::make_shared<std::string>();  // written before the Barrier is out, read long behind it
    if (begun_.empty())
      *text = state_.to_text();
    else
      late_.push_back({state_, text});
    return [this, copy = std::move(copy), kept = point_.kept, text = std::move(text)](const std::filesystem::path& path,
                                                                                      const CheckpointState& state) {
      write_tensors(path, session_, *copy, kept, {{trainer_key, *text}, {checkpoint_key, state.to_text()}});
    };
  }

  std::vector<std::string> warnings() const {
    std::vector<std::string> all = point_.warnings;
    all.insert(all.end(), loop_.warnings().begin(), loop_.warnings().end());
    return all;
  }

  /// Everything that only the loop's thread may look at; the rest is null.
  Json head(const std::string& state) const {
    Json epochs = Json::array();
    for (const EpochResult& row : state_.epochs) epochs.push_back(to_json(row));
    if (cut_short_)
      epochs.push_back(to_json(*cut_short_));
    else if (state_.batch > 0)
      epochs.push_back(to_json(under_way()));
    return {{"schema", 1},
            {"state", state},
            {"interrupted", interrupted_report(loop_)},
            {"version", version()},
            {"model", parts_.model.name},
            {"backend", parts_.backend},
            {"device", session_.description()},
            {"device_ms_per_step",
             device_steps_ == 0 ? Json(nullptr)
                                : Json(static_cast<double>(device_ns_) / static_cast<double>(device_steps_) / 1e6)},
            {"sync", loop_.sync().text()},
            {"seed", options_.seed},
            {"threads", parts_.threads},
            {"resumed_at", loop_.resumed_from() != nullptr ? Json(loop_.resumed_from()->step) : Json(nullptr)},
            {"epochs", std::move(epochs)},
            {"test", test_ ? to_json(*test_) : Json(nullptr)},
            {"bus", nullptr},
            {"reproducible", reproducible_report(loop_)},
            {"boundary", boundary_report(loop_)},
            {"callbacks", nullptr},
            {"failed", Json::array()},
            {"warnings", warnings()}};
  }

  void add_counts(Json& json) const {
    json["bus"] = bus_report(loop_.bus(), loop_);
    json["callbacks"] = callbacks_report(loop_.bus());
  }

  TrainingReport finished_report(const std::string& state) {
    TrainingReport report{.state = state, .epochs = state_.epochs, .test = test_, .json = head(state)};
    if (cut_short_) report.epochs.push_back(*cut_short_);
    add_counts(report.json);
    for (const std::string& each : loop_.checkpoint_errors()) report.note_failure(each);
    for (const std::string& each : loop_.not_carried_out()) report.note_failure(each);
    report_file_.finish(report);
    return report;
  }

  TrainerParts& parts_;
  const TrainerOptions& options_;
  const FitOptions where_;
  const std::int32_t batches_;  ///< in an epoch
  const Step last_step_;
  const MetricNames names_{};
  SnapshotPool snapshots_;  ///< of those in point_ and in the writer
  ResumePoint point_;
  kernels::Session& session_;  ///< behind point_: resuming may have made it anew
  TrainerState& state_;
  std::vector<std::uint32_t> order_;
  std::size_t run_ahead_ = 0;  ///< steps that the backend may be behind at a boundary
  std::vector<Begun> begun_;   ///< oldest first
  std::vector<LateState> late_;
  std::uint64_t device_ended_ = 0;                  ///< the last step, by the device's clock; 0: not known
  std::uint64_t device_ns_ = 0, device_steps_ = 0;  ///< between steps' ends, and how many, since the run began here
  Nanoseconds epoch_began_ = 0;
  Nanoseconds not_training_ns_ = 0;  ///< of the time that is being measured
  std::optional<EpochResult> cut_short_;
  std::optional<Score> test_;
  ReportFile report_file_;
  Loop loop_;  ///< last: its writer's thread ends first, and uses all of the above
};

}  // namespace

TrainingReport fit(TrainerParts& parts, Bus& bus, Control& control, std::span<const Callback> callbacks,
                   const FitOptions& where) {
  if (!where.out.empty() && !where.resume && !where.overwrite) refuse_earlier_run(where.out);
  return Fit(parts, bus, control, where).run(callbacks);
}

}  // namespace sidestep::detail
