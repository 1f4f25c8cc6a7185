#pragma once

#include <sidestep/trainer/callbacks/entry.hpp>
#include <sidestep/trainer/callbacks/error.hpp>
#include <sidestep/trainer/callbacks/json_text.hpp>
#include <sidestep/trainer/callbacks/row_file.hpp>
#include <sidestep/trainer/control/callback.hpp>

#include <concepts>
#include <filesystem>
#include <memory>

namespace sidestep {

struct JsonlLoggerOptions {
  std::filesystem::path file = "metrics.jsonl";   ///< of the trainer's events, in the run's folder
  std::filesystem::path events = "events.jsonl";  ///< of all other events; empty: none
  Step every = 1;  ///< BatchEnd and `batch/*` metrics only of the steps every, 2 every, 3 every ...
};

/// One JSON object a line for each event: {"event":"BatchEnd","step":1,...,"wall_time":1732442999.123456}.
///
/// `file` has the trainer's events, but for BatchBegin, Barrier and what only says that a run was resumed: equal runs
/// have equal lines, but for `wall_time`, `seconds`, `samples_per_second`, `waited_ns` and `bytes_released`. Its rows
/// are part of a checkpoint: they are on the disk before it is complete, and resuming cuts the file back to them.
/// `events` has what the scheduler's moment decides (CheckpointSaved, PipelineFailed, metrics that other threads
/// publish); it is only appended to. Types of yours are logged if they are known when the run begins: listen to them,
/// or call event_info<E>().
Callback jsonl_logger(JsonlLoggerOptions options = {});
template <class Path>
requires std::convertible_to<const Path&, std::filesystem::path> Callback
jsonl_logger(const Path& file) {  // a template, so that {} means the options
  return jsonl_logger(JsonlLoggerOptions{.file = file});
}
extern const CallbackEntry jsonl_logger_entry;  ///< its row in the registry

/// Writes events to a file.
class JsonlWriter {
 public:
  explicit JsonlWriter(std::shared_ptr<RowFile> file) : file_(std::move(file)) {}
  void operator()(const Slot& event);
  void end() { file_->flush(); }

  void state(auto& archive) {
    std::uint64_t rows = file_->lines();
    if (archive.saving()) file_->sync();
    archive(rows);
    if (!archive.saving()) file_->cut(rows);
  }

 private:
  std::shared_ptr<RowFile> file_;
  JsonText json_;
  Nanoseconds flushed_ = 0;
};

}  // namespace sidestep
