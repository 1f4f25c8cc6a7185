#include <sidestep/trainer/callbacks/error.hpp>
#include <sidestep/trainer/callbacks/row_file.hpp>
#include <sidestep/trainer/control/atomic_file.hpp>

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <span>
#include <utility>

namespace sidestep {
namespace {

constexpr std::size_t enough = 1 << 16;  // bytes that wait before they are written unasked

/// Reads the file from its beginning, a piece at a time; f returns false when it has seen enough.
template <class F>
void read_pieces(int descriptor, const std::filesystem::path& path, F f) {
  std::array<char, 1 << 16> piece;
  off_t at = 0;
  for (;;) {
    const ssize_t got = ::pread(descriptor, piece.data(), piece.size(), at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw FileError(path, "read it", errno);
    if (got == 0 || !f(std::string_view(piece.data(), static_cast<std::size_t>(got)))) return;
    at += got;
  }
}

/// Where a resumed run that is recorded goes on: events-2.log, events-3.log ...
bool is_later_log(std::string_view file) {
  constexpr std::string_view begin = "events-", end = ".log";
  if (file.size() <= begin.size() + end.size() || !file.starts_with(begin) || !file.ends_with(end)) return false;
  return file.substr(begin.size(), file.size() - begin.size() - end.size()).find_first_not_of("0123456789") ==
         std::string_view::npos;
}

}  // namespace

RowFile::RowFile(std::filesystem::path path, Open how) : path_(std::move(path)) {
  constexpr int flags = O_RDWR | O_CLOEXEC;
  descriptor_ = ::open(path_.c_str(), flags);
  if (descriptor_ < 0 && errno == ENOENT) {
    descriptor_ = ::open(path_.c_str(), flags | O_CREAT, 0644);
    // its rows may be synced as often as one likes: without its name they are gone with the power
    if (descriptor_ >= 0) try {
        on_trial_ = std::filesystem::canonical(path_);  // what a link leads to, not the link
        detail::sync_name(path_);
      } catch (...) {
        ::close(descriptor_);
        throw;
      }
  }
  if (descriptor_ < 0) throw FileError(path_, "open it for writing", errno);
  if (how == Open::keep)
    scan();
  else
    cut_ = true;
}

RowFile::~RowFile() {
  try {
    flush();
  } catch (...) {  // whoever wants to know calls flush()
  }
  if (!on_trial_.empty()) ::unlink(on_trial_.c_str());  // the run never began
  ::close(descriptor_);
}

void RowFile::scan() {
  char last = '\n';
  read_pieces(descriptor_, path_, [&](std::string_view piece) {
    for (const char c : piece) lines_ += c == '\n';
    size_ += piece.size();
    last = piece.back();
    return true;
  });
  torn_ = last != '\n';
  if (torn_) ++lines_;
}

std::string_view RowFile::first_line() {
  flush();
  static thread_local std::string line;
  line.clear();
  if (lines_ == 0) return line;
  read_pieces(descriptor_, path_, [](std::string_view piece) {
    const std::size_t end = piece.find('\n');
    line += piece.substr(0, end);
    return end == std::string_view::npos;
  });
  return line;
}

void RowFile::append(std::string_view line) {
  settle();
  if (std::exchange(torn_, false)) waiting_ += '\n';
  waiting_ += line;
  waiting_ += '\n';
  ++lines_;
  if (waiting_.size() >= enough) flush();
}

void RowFile::flush() {
  if (waiting_.empty()) return;
  const std::string bytes = std::exchange(waiting_, {});
  try {
    if (::lseek(descriptor_, static_cast<off_t>(size_), SEEK_SET) < 0 && errno != ESPIPE)
      throw FileError(path_, "write to it", errno);
    detail::write_all(descriptor_, std::as_bytes(std::span(bytes)), path_);
  } catch (...) {
    // half a line would be worse than none
    [[maybe_unused]] const int ignored = ::ftruncate(descriptor_, static_cast<off_t>(size_));
    throw;
  }
  size_ += bytes.size();
}

void RowFile::sync() {
  settle();
  flush();
  // EINVAL: something that can't be synced, such as /dev/stdout
  if (::fdatasync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) throw FileError(path_, "sync it", errno);
}

void RowFile::cut(std::uint64_t lines, std::uint64_t heading) {
  flush();
  std::uint64_t seen = 0, size = 0;
  if (lines > 0)
    read_pieces(descriptor_, path_, [&](std::string_view piece) {
      for (const char c : piece) {
        ++size;
        if (c == '\n' && ++seen == lines) return false;
      }
      return true;
    });
  if (seen < lines) {
    const auto rows = [&](std::uint64_t of) { return of > heading ? of - heading : 0; };
    throw CallbackError(
        fmt::format("{}: it has {} rows, and the checkpoint was written when it had {}. Put the file back, or "
                    "start afresh in another folder.",
                    path_.string(), rows(seen), rows(lines)));
  }
  lines_ = lines;
  size_ = size;
  torn_ = false;
  cut_ = true;
}

/// Makes the cut. Not before something is written: until then it may turn out that the run can't go on, and the file
/// must be as it was.
void RowFile::settle() {
  on_trial_.clear();
  if (!cut_) return;
  // EINVAL: something that has no length, such as /dev/stdout
  if (::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0 && errno != EINVAL)
    throw FileError(path_, "cut it back", errno);
  cut_ = false;
}

namespace {

namespace fs = std::filesystem;

/// Without links and dots, whether it is there or not.
fs::path whole(const fs::path& of) {
  std::error_code failed;
  const fs::path found = fs::weakly_canonical(fs::absolute(of), failed);
  if (failed) throw FileError(of, "be written", failed.value());
  return found;
}

bool lies_in(const fs::path& folder, const fs::path& file) {
  const fs::path inner = whole(file), outer = whole(folder);
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

}  // namespace

std::filesystem::path callback_file(CallbackContext& run, const std::filesystem::path& name) {
  const fs::path path = run.folder / name;
  const fs::path at = whole(path);
  const auto refuse = [&](std::string_view why) {
    throw CallbackError(
        fmt::format("{}: it can't write to {}: {}. Give it a file of its own.", run.name, path.string(), why));
  };
  if (!run.folder.empty())
    for (const char* own : {"config.toml", "report.json", "events.log"})
      if (at == whole(run.folder / own)) refuse("that is the run's own");
  if (!run.folder.empty() && at.parent_path() == whole(run.folder) && is_later_log(at.filename().string()))
    refuse("that is the run's own");
  if (!run.checkpoints.empty() && lies_in(run.checkpoints, path)) refuse("checkpoints lie there");
  if (run.files != nullptr && !run.files->insert(at).second) refuse("another callback does already");
  return path;
}

bool is_in_folder(const CallbackContext& run, const std::filesystem::path& file) {
  return !run.folder.empty() && lies_in(run.folder, file);
}

}  // namespace sidestep
