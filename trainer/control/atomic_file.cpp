#include <sidestep/trainer/control/atomic_file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace sidestep {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view temporary_mark = ".sidestep-tmp-";

std::string_view mend(int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT:
      return "Free some space there, or choose another folder.";
    case EACCES:
    case EPERM:
    case EROFS:
      return "Make it writable, or choose another folder.";
    case ENOENT:
    case ENOTDIR:
      return "Check the path: each folder on the way must exist.";
    case EISDIR:
      return "A folder is in the way: remove it, or choose another name.";
    case EEXIST:
    case ENOTEMPTY:
      return "Something of this name is in the way: move it away, or choose another name.";
    case ENAMETOOLONG:
      return "Choose a shorter name.";
    case ELOOP:
      return "A link on the way leads back to itself: correct it, or choose another path.";
    case EMFILE:
    case ENFILE:
      return "Close some files, or raise `ulimit -n`.";
    case EFBIG:
      return "Raise `ulimit -f`, or write less.";
    case EPIPE:
      return "Nobody reads it any more: let the reader stay to the end, or write to a file.";
    case EBADF:
      return "It is closed: open it, or write to a file.";
    case EAGAIN:
      return "Whoever reads it is too slow, and it doesn't wait: write to a file.";
    case EBUSY:
    case ETXTBSY:
      return "Somebody else uses it: wait, or choose another name.";
    case ENXIO:
    case ENODEV:
    case EINVAL:
      return "It isn't something that can be written to like a file: choose another name.";
    case ENOMEM:
      return "End other programs.";
    case EIO:
    case ESTALE:
      return "Check the disk, or choose another folder.";
    default:
      return "Choose another folder, or another name.";
  }
}

std::string reason(int code) {
  if (code == ENOSPC) return "the disk is full (no space left on device)";
  if (code == EDQUOT) return "your share of the disk is full (quota exceeded)";
  return std::generic_category().message(code);
}

/// Owns a file descriptor for the length of a scope.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

fs::path folder_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : fs::path("."); }

fs::path temporary_name(const fs::path& target) {
  static std::atomic<unsigned> counter{0};
  // relaxed: the number need only be unlike the others, nothing is handed over through it
  const unsigned number = counter.fetch_add(1, std::memory_order_relaxed);
  return folder_of(target) / fmt::format(".{}{}{}-{}", target.filename().string(), temporary_mark, ::getpid(), number);
}

bool is_temporary_name(const std::string& name) {
  const auto mark = name.rfind(temporary_mark);
  if (name.empty() || name.front() != '.' || mark == std::string::npos) return false;
  const std::string_view tail = std::string_view(name).substr(mark + temporary_mark.size());
  return tail.find('-') != std::string_view::npos && tail.find_first_not_of("0123456789-") == std::string_view::npos;
}

/// A new, empty file under a name of its own beside `target`.
std::pair<fs::path, int> create_temporary(const fs::path& target) {
  for (;;) {
    fs::path name = temporary_name(target);
    const int descriptor = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0) return {std::move(name), descriptor};
    // a process that was killed had our number: take the next name
    if (errno != EEXIST && errno != EINTR) throw FileError(target, "be written", errno);
  }
}

void sync_file(const fs::path& file, const fs::path& target) {
  const Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (opened.get() < 0 || ::fsync(opened.get()) != 0) throw FileError(target, "be written", errno);
}

void sync_folder(const fs::path& folder) {
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.get() < 0) throw FileError(folder, "be opened", errno);
  // some file systems can't sync a folder and say EINVAL; their rename is what they promise
  if (::fsync(opened.get()) != 0 && errno != EINVAL && errno != ENOTSUP) throw FileError(folder, "be synced", errno);
}

void rename_to(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw FileError(to, "be written", errno);
}

bool links_unsupported(int code) {
  constexpr std::array codes{EPERM, EOPNOTSUPP, EMLINK, EXDEV, ENOSYS, EACCES};
  return std::ranges::find(codes, code) != codes.end();
}

void copy_bytes(const fs::path& from, AtomicFile& to) {
  const Descriptor source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (source.get() < 0) throw FileError(from, "be read", errno);
  std::array<std::byte, 1 << 16> block;
  for (;;) {
    const ssize_t count = ::read(source.get(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw FileError(from, "be read", errno);
    if (count == 0) return;
    to.write(std::span(block).first(static_cast<std::size_t>(count)));
  }
}

/// Puts `from`'s file under the name `to` as well, without syncing the folder.
void place(const fs::path& from, const fs::path& to) {
  const fs::path link = temporary_name(to);
  ::unlink(link.c_str());
  if (::link(from.c_str(), link.c_str()) != 0) {
    if (!links_unsupported(errno)) throw FileError(to, "be written", errno);
    AtomicFile copy(to);
    copy_bytes(from, copy);
    copy.commit();
    return;
  }
  const int failed = ::rename(link.c_str(), to.c_str()) != 0 ? errno : 0;
  // rename does nothing, successfully, when both names are one file already: the link must go in either case
  ::unlink(link.c_str());
  if (failed != 0) throw FileError(to, "be written", failed);
}

}  // namespace

FileError::FileError(fs::path path, std::string_view doing, int code)
    : std::runtime_error(fmt::format("{}: cannot {}: {}. {}", path.string(), doing, reason(code), mend(code))),
      path_(std::move(path)),
      code_(code) {}

bool FileError::disk_full() const noexcept { return code_ == ENOSPC || code_ == EDQUOT; }

void detail::write_all(int descriptor, std::span<const std::byte> bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw FileError(path, "be written", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void detail::sync_name(const fs::path& file) { sync_folder(folder_of(file)); }

AtomicFile::AtomicFile(fs::path target) : target_(std::move(target)) {
  std::tie(temporary_, descriptor_) = create_temporary(target_);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : target_(std::move(other.target_)),
      temporary_(std::exchange(other.temporary_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

AtomicFile::~AtomicFile() { abandon(); }

void AtomicFile::abandon() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) { detail::write_all(descriptor_, bytes, target_); }

void AtomicFile::close_and_sync() {
  Descriptor own(std::exchange(descriptor_, -1));
  if (::fsync(own.get()) != 0) throw FileError(target_, "be written", errno);
  // some network file systems tell only here that the disk is full
  if (::close(own.release()) != 0 && errno != EINTR) throw FileError(target_, "be written", errno);
  // whoever wrote to temporary() by himself may have put another file there
  sync_file(temporary_, target_);
}

void AtomicFile::commit(std::span<const fs::path> also) {
  close_and_sync();
  for (const fs::path& name : also) {
    place(temporary_, name);
    if (folder_of(name) != folder_of(target_)) sync_folder(folder_of(name));
  }
  rename_to(temporary_, target_);
  temporary_.clear();
  sync_folder(folder_of(target_));
}

void write_file_atomically(const fs::path& target, std::string_view text) {
  AtomicFile file(target);
  file.write(text);
  file.commit();
}

void share_file(const fs::path& from, const fs::path& to) {
  place(from, to);
  sync_folder(folder_of(to));
}

std::size_t remove_stale_temporaries(const fs::path& folder) {
  std::error_code failed;
  std::size_t removed = 0;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
    const fs::path path = entry->path();
    if (is_temporary_name(path.filename().string()) && ::unlink(path.c_str()) == 0) ++removed;
  }
  if (failed) throw FileError(folder, "be read", failed.value());
  return removed;
}

}  // namespace sidestep
