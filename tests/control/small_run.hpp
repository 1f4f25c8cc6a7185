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
  /// How many steps a device is behind when boundary `step` is held; null: it never is.
  std::function<std::size_t(Step)> device{};
  /// While a checkpoint is written; null: nothing.
  std::function<void(const std::filesystem::path&)> while_writing{};
  std::filesystem::path resume{};
  /// Obeys Validate: all steps that are under way come in first.
  bool validates = false;

  // what came of it
  double weight = 1, learning_rate = 0.1, kept = 0;
  std::vector<AppliedRow> decisions{};
  std::vector<PendingRow> pending{};
  std::vector<RefusedRow> refused{};
  std::vector<BrokenRow> broken{};
  std::vector<std::string> warnings{};
  BusAccount account{};
  std::uint64_t checkpoints_failed = 0;
  std::vector<std::string> checkpoint_errors{};
  Step stopped_at = 0;

  void go();
  void run(Bus& bus, Control& control);

  /// (cause, applied) of each decision, as text.
  std::string table() const;

 private:
  Epoch epoch_of(Step step) const { return static_cast<Epoch>((step - 1) / steps_per_epoch + 1); }
  void end_epoch(Loop& loop, Step step);
  void handlers(Loop& loop);
  void load(Loop& loop);
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
