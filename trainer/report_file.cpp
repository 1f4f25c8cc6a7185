#include <sidestep/trainer/report_file.hpp>

#include <sidestep/trainer/control/atomic_file.hpp>

namespace sidestep::detail {

void ReportFile::refresh(nlohmann::ordered_json running) {
  const std::lock_guard lock(mutex_);
  running_ = std::move(running);
}

void ReportFile::write() {
  if (file_.empty()) return;
  const std::lock_guard lock(mutex_);
  if (over_) return;  // a checkpoint that is still being written when the run was broken off
  try {
    TrainingReport report;
    report.json = running_;
    add_counts_(report.json);
    report.write(file_);
  } catch (const std::exception& error) {
    error_ = error.what();
  }
}

void ReportFile::finish(TrainingReport& report) {
  const std::lock_guard lock(mutex_);
  over_ = true;
  if (!error_.empty()) report.note_failure(error_);
  if (file_.empty()) return;
  try {
    report.write(file_);
  } catch (const FileError& error) {
    report.note_failure(error.what());
  }
}

}  // namespace sidestep::detail
