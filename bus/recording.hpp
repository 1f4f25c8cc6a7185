#pragma once

#include <sidestep/bus/subscription.hpp>

#include <chrono>
#include <filesystem>
#include <memory>

namespace sidestep {

class LogWriter;

struct RecordOptions {
  int compression = 0;  ///< a level of zstd (1 to 19); 0: none
  /// An event is on its way to the disk after this at the latest.
  std::chrono::milliseconds interval = std::chrono::seconds(1);
  std::size_t buffers = 16;  ///< of 64 KiB: how far the disk may be behind before the dispatcher waits for it
  Stream stream = Stream::all;
  std::string name = "log";  ///< of the pipeline, in reports and errors
};

/// A log that is being written. Kept by the bus: dropping this ends nothing.
class Recording {
 public:
  Recording(Handle handle, std::shared_ptr<LogWriter> writer);

  /// No event that is published after this returned is in the log, and the log is closed. From a handler: it is closed
  /// soon, since the handler's own thread has to do it.
  void end();

  const Handle& handle() const noexcept { return handle_; }
  const std::filesystem::path& path() const noexcept;
  /// Events, blocks and bytes that are in the file. Exact after flush(), end() and close(), else lower bounds.
  std::uint64_t events() const noexcept;
  std::uint64_t blocks() const noexcept;
  std::uint64_t bytes() const noexcept;
  /// It stopped before its time: error() says why.
  bool failed() const noexcept;
  std::string error() const;

 private:
  Handle handle_;
  std::shared_ptr<LogWriter> writer_;
};

}  // namespace sidestep
