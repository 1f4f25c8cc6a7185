#pragma once

#include <sidestep/trainer/callbacks/entry.hpp>
#include <sidestep/trainer/callbacks/epoch_row.hpp>
#include <sidestep/trainer/callbacks/error.hpp>
#include <sidestep/trainer/callbacks/row_file.hpp>
#include <sidestep/trainer/control/callback.hpp>

#include <concepts>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace sidestep {

struct CsvLoggerOptions {
  std::filesystem::path file = "metrics.csv";  ///< in the run's folder
  char separator = ',';
  bool append = false;  ///< to a file that is there; default: it is begun anew
};

/// One row an epoch: its number, then the metrics of its end by name, then `seconds`, `samples_per_second` and
/// `waited_ns`, which are wall time. The first row settles which columns there are; what doesn't come is NA. Semantics:
/// Keras 3 `CSVLogger`.
///
/// Rows are part of a checkpoint: they are on the disk before it is complete, and resuming cuts the file back to them.
Callback csv_logger(CsvLoggerOptions options = {});
template <class Path>
requires std::convertible_to<const Path&, std::filesystem::path> Callback
csv_logger(const Path& file) {  // a template, so that {} means the options
  return csv_logger(CsvLoggerOptions{.file = file});
}
extern const CallbackEntry csv_logger_entry;  ///< its row in the registry

/// Writes rows to a file.
class CsvWriter {
 public:
  CsvWriter(std::shared_ptr<RowFile> file, char separator);
  void operator()(const EpochRow& row);
  void end() { file_->flush(); }

  void state(auto& archive) {
    std::uint64_t rows = this->rows();
    if (archive.saving()) file_->sync();
    archive(rows, columns_);
    if (!archive.saving()) resume(rows);
  }

 private:
  std::uint64_t rows() const noexcept { return file_->lines() > 0 ? file_->lines() - 1 : 0; }  // the heading is none
  void resume(std::uint64_t rows);
  void write_heading();

  std::shared_ptr<RowFile> file_;
  char separator_;
  std::vector<std::string> columns_;  // the metrics'
};

}  // namespace sidestep
