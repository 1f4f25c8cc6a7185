#pragma once
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <sidestep/trainer/config.hpp>

namespace sidestep {

/// A folder that can't take a run, or hold one to go on with. `what()` says where, what, and the mend.
class RunFolderError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The folder of one run, for as long as this process works on it; another process is refused meanwhile.
///
///   config.toml · report.json · metrics.csv · metrics.jsonl · events.jsonl · events.log · checkpoints/
///
/// Until keep() a new folder is on trial: it and whatever else had to be made on the way to it go away with this
/// object, so that a run which never began leaves no trace. A resumed one is never removed, and gets its old
/// config.toml back.
class RunFolder {
 public:
  /// Where runs go, and where resuming looks for the newest.
  static constexpr const char* root = "runs";

  /// Makes a new folder: `wanted`, or else runs/<local time>, with its config.toml in one step. Throws RunFolderError
  /// if it exists, whatever is in it, and FileError if it can't be made.
  static RunFolder create(const std::optional<std::filesystem::path>& wanted, const RunConfig& config = {});

  /// That folder in runs/ whose config.toml was written last.
  static std::optional<std::filesystem::path> newest();

  /// Takes the folder of a run of ours: `wanted`, or else that folder in runs/ whose config.toml was written last. What
  /// killed writers left in it is removed. Throws RunFolderError: no such run, not ours, in use; ConfigError: its
  /// config.toml; FileError: it, or its checkpoints/, can't be written to.
  static RunFolder resume(const std::optional<std::filesystem::path>& wanted);

  RunFolder(RunFolder&& other) noexcept;
  RunFolder& operator=(RunFolder&&) = delete;
  ~RunFolder();

  const std::filesystem::path& path() const noexcept { return path_; }
  std::filesystem::path config_file() const { return path_ / "config.toml"; }
  std::filesystem::path report_file() const { return path_ / "report.json"; }
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }
  /// events.log; where a run that was recorded goes on, events-2.log, and so on: each process writes one of its own.
  std::filesystem::path next_event_log() const;

  /// What config.toml says. Throws ConfigError.
  RunConfig stored_config() const;
  /// Rewrites config.toml whole. Throws FileError.
  void store(const RunConfig& config);

  /// The run has begun: from now on the folder stays.
  void keep() noexcept { made_.clear(), config_before_.reset(); }

 private:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}
  void lock();

  std::filesystem::path path_;
  std::vector<std::filesystem::path> made_;   ///< by us, outermost first; of a new run the last is path_
  std::optional<std::string> config_before_;  ///< config.toml as it was before store()
  int lock_ = -1;
};

}  // namespace sidestep
