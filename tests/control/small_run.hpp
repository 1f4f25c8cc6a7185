#pragma once

#include <sidestep/bus.hpp>
#include <sidestep/operators/all.hpp>
#include <sidestep/trainer/control/control.hpp>
#include <sidestep/trainer/control/decide.hpp>
#include <sidestep/trainer/control/loop.hpp>
#include <sidestep/trainer/control/report.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace sidestep::test {

/// A decision of the tests' own: it says who asked at which step.
struct Noted {
  static constexpr std::string_view decision = "noted";
  std::int64_t who = 0;
  Step at = 0;
  Reason reason{};
  double value() const { return static_cast<double>(who * 1000 + at); }
};

/// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "sidestep-control-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::string read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// Name and content of each file.
inline std::map<std::string, std::string> read_folder(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  if (std::filesystem::exists(folder))
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      files[entry.path().filename().string()] = read_file(entry.path());
  return files;
}

/// A training loop with a model of two numbers, as a user would write it: everything that a decision changes ends up in
/// `weight`.
struct SmallRun {
  Step steps = 12;
  Step steps_per_epoch = 5;
  AttachOptions options{};
  BusOptions bus_options{.thread = false};
  /// Adds the run's pipelines.
  std::function<void(Bus&, Control&)> pipelines{};
  std::function<void(Loop&)> prepare{};
  /// Before BatchEnd(step); null: nothing.
  std::function<void(Loop&, Step)> before{};
  /// Between boundary `step` and the next step; null: nothing.
  std::function<void(Loop&, Step)> between{};
  std::filesystem::path resume{};

  // what came of it
  double weight = 1, learning_rate = 0.1, kept = 0;
  std::vector<AppliedRow> decisions{};
  std::vector<PendingRow> pending{};
  std::vector<RefusedRow> refused{};
  std::vector<BrokenRow> broken{};
  std::vector<std::string> warnings{};
  BusAccount account{};
  std::uint64_t checkpoints_failed = 0;
  std::string checkpoint_error{};
  Step stopped_at = 0;

  void go() {
    Bus bus(bus_options);
    Control control;
    if (pipelines) pipelines(bus, control);
    run(bus, control);
    account = bus.account();
  }

  void run(Bus& bus, Control& control) {
    if (options.folder.empty())
      options.snapshot = nullptr;
    else
      options.snapshot = [this](const Cut&) {
        return [w = weight, lr = learning_rate, k = kept](const auto& path, const CheckpointState& state) {
          std::ofstream out(path, std::ios::binary);
          const double numbers[] = {w, lr, k};
          out.write(reinterpret_cast<const char*>(numbers), sizeof numbers);
          out << state.to_text();
        };
      };
    auto loop = control.attach(bus, options);
    handlers(loop);
    if (prepare) prepare(loop);
    if (!resume.empty()) load(loop);
    loop.publish(FitBegin{.step = loop.step(), .last_step = steps});
    Step step = loop.step();
    // At an epoch's last batch: the cut may lie before the epoch's end, then that comes first.
    if (loop.resumed() && loop.resumed_from()->segment == Segment::batch && step % steps_per_epoch == 0)
      end_epoch(loop, step);
    while (step < steps && !loop.stopped()) {
      ++step;
      const double loss = 1.0 / weight;
      weight += learning_rate * loss;
      if (before) before(loop, step);
      loop.publish(Metric{.step = step, .value = loss, .metric = intern("batch/loss")},
                   BatchEnd{.step = step, .loss = loss, .learning_rate = learning_rate, .epoch = epoch_of(step)});
      loop.boundary();
      if (between) between(loop, step);
      if (step % steps_per_epoch == 0 && loop.interrupted().empty()) end_epoch(loop, step);
    }
    stopped_at = loop.stopped() ? step : 0;
    if (step % steps_per_epoch != 0) loop.publish(EpochEnd{.step = step, .epoch = epoch_of(step), .partial = true});
    loop.finish();
    decisions.assign(loop.decisions().begin(), loop.decisions().end());
    pending = loop.pending();
    refused.assign(loop.refused().begin(), loop.refused().end());
    broken.assign(loop.broken().begin(), loop.broken().end());
    warnings.assign(loop.warnings().begin(), loop.warnings().end());
    checkpoints_failed = loop.checkpoints_failed();
    checkpoint_error = loop.checkpoint_error();
  }

  /// (cause, applied) of each decision, as text.
  std::string table() const {
    std::ostringstream text;
    for (const AppliedRow& row : decisions)
      text << row.decision << ' ' << row.by << ' ' << (row.cause_step ? *row.cause_step : -1) << "->"
           << row.applied_step << ' ' << row.value << '\n';
    return text.str();
  }

 private:
  Epoch epoch_of(Step step) const { return static_cast<Epoch>((step - 1) / steps_per_epoch + 1); }
  void end_epoch(Loop& loop, Step step) {
    loop.publish(Metric{.step = step, .value = 1 / weight, .metric = intern("val/loss"), .epoch = epoch_of(step)},
                 EpochEnd{.step = step, .epoch = epoch_of(step)});
    loop.boundary();
  }
  void handlers(Loop& loop) {
    loop.on<ScaleLearningRate>([this](const ScaleLearningRate& d) { return Outcome{{}, learning_rate *= d.by, {}}; });
    loop.on<SetLearningRate>([this](const SetLearningRate& d) { learning_rate = d.learning_rate; });
    loop.on<KeepWeights>([this](const KeepWeights&) { kept = weight; });
    loop.on<RestoreBest>([this](const RestoreBest&) { weight = kept; });
    loop.on<Noted>([this](const Noted& d) { weight += 0.001 * static_cast<double>(d.who); });
  }
  void load(Loop& loop) {
    const std::string text = read_file(resume);
    double numbers[3];
    ASSERT_GT(text.size(), sizeof numbers);
    std::memcpy(numbers, text.data(), sizeof numbers);
    weight = numbers[0], learning_rate = numbers[1], kept = numbers[2];
    loop.resume(CheckpointState::from_text(text.substr(sizeof numbers), resume.string()), resume.filename().string());
  }
};

/// Asks for Noted{who, step} at the end of each batch whose step is in `at`.
inline auto note_at(std::int64_t who, std::set<Step> at) {
  return pure([who, at](const BatchEnd& e) {
    return at.contains(e.step) ? std::optional(Noted{who, e.step}) : std::nullopt;
  });
}

/// A functor with a state, as early stopping has one: asks at every third value it sees.
struct EveryThird {
  std::int64_t who = 0;
  std::int64_t seen = 0;
  std::optional<Noted> operator()(const BatchEnd& e) {
    return ++seen % 3 == 0 ? std::optional(Noted{who, e.step}) : std::nullopt;
  }
  void state(auto& archive) { archive(seen); }
};

}  // namespace sidestep::test
