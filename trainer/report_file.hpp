#pragma once
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>
#include <sidestep/trainer/training_report.hpp>

namespace sidestep::detail {

/// A run's report.json, from its first step to its end: before each checkpoint becomes visible it is written anew, on
/// the thread that writes checkpoints. A report that can't be written ends no run: the last one says so.
class ReportFile {
 public:
  /// `add_counts` adds what any thread may look at. An empty folder: there is no file.
  ReportFile(const std::filesystem::path& folder, std::function<void(nlohmann::ordered_json&)> add_counts)
      : file_(folder.empty() ? folder : folder / "report.json"), add_counts_(std::move(add_counts)) {}

  /// What it says from now on, beside the counts. On the loop's thread, and once before the first write().
  void refresh(nlohmann::ordered_json running);
  void write();  ///< any thread; nothing behind finish()
  /// The last one. Adds a sentence if one before couldn't be written, and one if it can't.
  void finish(TrainingReport& report);

 private:
  const std::filesystem::path file_;
  const std::function<void(nlohmann::ordered_json&)> add_counts_;
  std::mutex mutex_;  // guards all below
  nlohmann::ordered_json running_;
  std::string error_;
  bool over_ = false;  // the last report is written
};

}  // namespace sidestep::detail
