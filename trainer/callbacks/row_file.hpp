#pragma once

#include <sidestep/trainer/control/callback.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace sidestep {

/// A text file of whole lines that is only appended to. Lines wait in memory until flush(); behind sync() they are on
/// the disk. A write that fails (a full disk) leaves the lines that were whole before it, and throws.
/// One thread at a time. Throws FileError, and CallbackError where a sentence of it says more.
class RowFile {
 public:
  /// Empty it, with the first append() or sync(), or append to what is there.
  enum class Open { fresh, keep };

  RowFile(std::filesystem::path path, Open how);
  RowFile(const RowFile&) = delete;
  RowFile& operator=(const RowFile&) = delete;
  ~RowFile();  ///< flushes if it can; errors are lost

  const std::filesystem::path& path() const noexcept { return path_; }
  std::uint64_t lines() const noexcept { return lines_; }  ///< those that wait included
  std::string_view first_line();                           ///< without its end; empty if there is none

  /// `line` without its end.
  void append(std::string_view line);
  void flush();
  void sync();
  /// Goes on behind its first `lines` lines, of which `heading` are no rows: with the next append() or sync() the
  /// others are cut off, and until then the file is as it was. Throws CallbackError, naming both numbers of rows, if it
  /// has fewer.
  void cut(std::uint64_t lines, std::uint64_t heading = 0);

 private:
  void scan();
  void settle();

  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t lines_ = 0;
  std::uint64_t size_ = 0;          // of what was written whole
  bool torn_ = false;               // the last line has no end: a process was killed while it wrote
  bool cut_ = false;                // what lies behind size_ is to go
  std::filesystem::path on_trial_;  // made here, and nobody has written to it yet
  std::string waiting_;
};

/// `name` in the run's folder, for this callback alone to write to. Throws CallbackError if it is one of the run's own
/// files, or another callback's.
std::filesystem::path callback_file(CallbackContext& run, const std::filesystem::path& name);
/// The file lies in the run's folder, so it is this run's alone.
bool is_in_folder(const CallbackContext& run, const std::filesystem::path& file);

}  // namespace sidestep
