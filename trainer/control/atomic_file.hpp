#pragma once
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include <cstddef>

namespace sidestep {

/// A file or folder that couldn't be read or written. `what()` says where, what, and the mend.
class FileError : public std::runtime_error {
 public:
  /// `doing` completes "cannot ...", `code` is an errno value.
  FileError(std::filesystem::path path, std::string_view doing, int code);

  const std::filesystem::path& path() const noexcept { return path_; }
  int code() const noexcept { return code_; }
  /// The disk, or the user's share of it, is full.
  bool disk_full() const noexcept;

 private:
  std::filesystem::path path_;
  int code_;
};

/// A file that is either whole or not there, whatever happens on the way.
///
///   AtomicFile file{"runs/a/report.json"};
///   file.write(text);
///   file.commit();
///
/// Until commit() everything goes to a temporary name in the same folder; what the target held before stays readable.
/// Who writes with a library of his own writes to `temporary()` instead. Destroyed without commit(), it leaves nothing.
/// Promise after commit(): the bytes and the name are on the disk (file synced, renamed, folder synced).
/// Throws FileError; after a throw the target is as it was.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  const std::filesystem::path& target() const noexcept { return target_; }
  const std::filesystem::path& temporary() const noexcept { return temporary_; }

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span{text})); }

  /// Makes the file visible: first under each of `also`, in that order, then under the target. They share one copy on
  /// the disk where the file system can, so treat them as read-only: replace them, never write into them.
  /// When it throws, each name holds either the old whole file or the new one.
  void commit(std::span<const std::filesystem::path> also = {});

 private:
  void close_and_sync();
  void abandon() noexcept;

  std::filesystem::path target_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

/// Replaces the whole content of `target` in one step.
void write_file_atomically(const std::filesystem::path& target, std::string_view text);

/// Makes `to` the same file as `from` (a hard link; a copy where the file system has none), in one step.
void share_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// Removes what writers that were killed left in `folder`. Only for a folder in which nobody writes. Returns how many.
std::size_t remove_stale_temporaries(const std::filesystem::path& folder);

namespace detail {
/// Writes all of `bytes`, through short writes and signals. `path` is for the error only.
void write_all(int descriptor, std::span<const std::byte> bytes, const std::filesystem::path& path);
/// Behind it the name of `file`, which is new, is on the disk.
void sync_name(const std::filesystem::path& file);
}  // namespace detail

}  // namespace sidestep
