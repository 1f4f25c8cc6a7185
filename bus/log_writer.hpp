#pragma once

#include <sidestep/bus/log_block.hpp>
#include <sidestep/bus/told.hpp>

#include <concurrentqueue/blockingconcurrentqueue.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

namespace sidestep {

/// The file of a log that is being written: whole blocks, one behind the other. What fails is undone to the last whole
/// one.
class LogFile {
 public:
  /// Makes it. Throws LogError (file): it exists already, it can't be made.
  explicit LogFile(std::filesystem::path path);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }
  std::uint64_t bytes() const noexcept { return bytes_; }
  /// 0, or the errno value of what went wrong: then the file ends behind the block before.
  int write(const LogBlock& block) noexcept;
  /// The same for closing it. Once.
  int close() noexcept;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t bytes_ = 0;
};

/// What `write` or `close` said, as a sentence.
std::string log_failure(const std::filesystem::path& path, int code);

struct LogWriterOptions {
  int compression = 0;              ///< a level of zstd; 0: none
  std::size_t buffers = 16;         ///< of 64 KiB: how far the disk may be behind
  std::function<void()> done = {};  ///< called on the writer's thread behind each block, written or not
};

/// Writes blocks on a thread of its own. One thread at a time fills blocks: it takes an empty one,
/// fills it, puts it back full. They are written in the order in which they were put.
class LogWriter {
 public:
  LogWriter(const std::filesystem::path& path, const LogWriterOptions& options);
  /// Whatever was put is written first; a disk that hangs is waited for no longer than `patience`.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  /// An empty block; null: all of them wait for the disk.
  LogBlock* take() noexcept;
  /// Hands a block over that LogBlockFiller::end made of one that was taken. `is_last`: then the file is closed.
  void put(LogBlock& block, bool is_last = false) noexcept;

  /// No block behind bytes() will be written any more.
  bool failed() const noexcept { return state_->failed.load(); }
  bool closed() const noexcept { return state_->closed.load(); }
  std::string error() const;
  /// Fails it from outside; the first error counts.
  void fail(const std::string& why) noexcept { state_->fail(why); }

  const std::filesystem::path& path() const noexcept { return state_->file.path(); }
  // relaxed: figures for people, and signs of life
  std::uint64_t bytes() const noexcept { return state_->bytes.load(std::memory_order_relaxed); }
  std::uint64_t blocks() const noexcept { return state_->blocks.load(); }
  std::uint64_t events() const noexcept { return state_->events.load(); }

  static constexpr std::chrono::milliseconds patience{10'000};

 private:
  struct Full {
    LogBlock* block;
    bool is_last;
  };
  /// The thread holds it: a disk that hangs for ever may outlive the writer.
  struct State {
    State(const std::filesystem::path& path, const LogWriterOptions& options);
    void work();
    void write(const Full& full);
    void fail(const std::string& why) noexcept;

    const LogWriterOptions options;
    LogFile file;
    log_format::LogIdentity identity;
    const std::unique_ptr<LogBlock[]> blocks_of;
    const std::unique_ptr<LogBlock> scratch;  // what is compressed
    moodycamel::ConcurrentQueue<LogBlock*> empty;
    moodycamel::BlockingConcurrentQueue<Full> full;
    // Whoever puts, and one at a time: the queue keeps order within a producer only, and without a token each thread is
    // one.
    moodycamel::ProducerToken filler{full};
    std::atomic<std::uint64_t> bytes{0};
    Told<std::uint64_t> blocks, events;  // behind what was written
    Told<bool> failed, closed;           // behind the error's text, and the file's end
    std::mutex mutex;                    // guards error
    std::string error;
  };

  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace sidestep
