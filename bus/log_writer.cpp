#include <sidestep/bus/log_writer.hpp>

#include <sidestep/bus/clock.hpp>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace sidestep {
namespace {

constexpr std::size_t fewest_buffers = 3;  // one that is filled, one that is written, one between

}  // namespace

LogFile::LogFile(std::filesystem::path path) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor_ >= 0) return;
  if (errno == EEXIST)
    throw LogError(LogError::Kind::file,
                   path_.string() + ": exists already, and a log never overwrites anything. Choose another name.");
  throw LogError(LogError::Kind::file, path_.string() + ": cannot make the log: " +
                                           std::generic_category().message(errno) + ". Choose another place.");
}

LogFile::~LogFile() { close(); }

int LogFile::write(const LogBlock& block) noexcept {
  std::span<const std::byte> left = block.on_disk();
  while (!left.empty()) {
    const ssize_t done = ::write(descriptor_, left.data(), left.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) {
      const int code = done < 0 ? errno : ENOSPC;
      // the whole blocks before stay; should this fail too, the torn one is recognised
      [[maybe_unused]] const int undone = ::ftruncate(descriptor_, static_cast<off_t>(bytes_));
      return code;
    }
    left = left.subspan(static_cast<std::size_t>(done));
  }
  bytes_ += block.on_disk().size();
  return 0;
}

int LogFile::close() noexcept {
  if (descriptor_ < 0) return 0;
  const int failed = ::close(descriptor_) != 0 ? errno : 0;
  descriptor_ = -1;
  return failed == EINTR ? 0 : failed;
}

std::string log_failure(const std::filesystem::path& path, int code) {
  const std::string stays = " The log stays whole to its last block.";
  if (code == ENOSPC || code == EDQUOT || code == EFBIG)
    return path.string() + ": recording stopped: the disk is full (" + std::generic_category().message(code) + ")." +
           stays;
  return path.string() + ": recording stopped: " + std::generic_category().message(code) + "." + stays;
}

LogWriter::State::State(const std::filesystem::path& path, const LogWriterOptions& given)
    : options(given),
      file(path),
      identity(log_format::new_identity(Clock().now())),
      blocks_of(std::make_unique_for_overwrite<LogBlock[]>(std::max(given.buffers, fewest_buffers))),
      scratch(given.compression > 0 ? std::make_unique_for_overwrite<LogBlock>() : nullptr) {
  for (std::size_t i = 0; i < std::max(given.buffers, fewest_buffers); ++i) empty.enqueue(&blocks_of[i]);
}

LogWriter::LogWriter(const std::filesystem::path& path, const LogWriterOptions& options)
    : state_(std::make_shared<State>(path, options)) {
  // Signals are for the threads of the program. A file that may not grow any more is an error of write() then, not a
  // SIGXFSZ.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([state = state_] { state->work(); });
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    std::error_code ignored;
    std::filesystem::remove(path, ignored);  // made just now: nobody else's
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LogWriter::~LogWriter() {
  state_->full.enqueue(state_->filler, {nullptr, true});
  for (Nanoseconds waited = 0; !closed() && waited < patience.count() * 1'000'000; waited += 50'000)
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  if (closed())
    thread_.join();
  else
    thread_.detach();  // it holds what it needs
}

LogBlock* LogWriter::take() noexcept {
  LogBlock* block = nullptr;
  return state_->empty.try_dequeue(block) ? block : nullptr;
}

void LogWriter::put(LogBlock& block, bool is_last) noexcept { state_->full.enqueue(state_->filler, {&block, is_last}); }

std::string LogWriter::error() const {
  const std::lock_guard lock(state_->mutex);
  return state_->error;
}

void LogWriter::State::fail(const std::string& why) noexcept {
  const std::lock_guard lock(mutex);
  if (!error.empty()) return;
  try {
    error = why;
  } catch (...) {
    error = "no memory";  // short enough to need none
  }
  failed.store(true);
}

void LogWriter::State::write(const Full& next) {
  const std::uint64_t number = blocks.glance(), before = events.glance();
  const LogBlock& block = log_format::seal(*next.block, identity, static_cast<std::uint32_t>(number), before,
                                           next.is_last, options.compression, scratch.get());
  if (const int code = file.write(block); code != 0) return fail(log_failure(file.path(), code));
  bytes.store(file.bytes(), std::memory_order_relaxed);
  events.store(before + block.header.events);
  blocks.store(number + 1);
  if (!next.is_last) return;
  if (const int code = file.close(); code != 0) fail(log_failure(file.path(), code));
}

void LogWriter::State::work() {
  for (bool over = false; !over;) {
    Full next{};
    full.wait_dequeue(next);
    over = next.is_last;
    if (next.block == nullptr) continue;
    // what fails it from outside may as well come a block later
    if (!failed.glance()) write(next);
    empty.enqueue(next.block);
    if (options.done) options.done();
  }
  file.close();
  closed.store(true);
}

}  // namespace sidestep
