#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <sidestep/trainer/command/subcommand.hpp>
#include <sidestep/trainer/config.hpp>
#include <sidestep/trainer/run_folder.hpp>

namespace sidestep {

/// A run that somebody wants, with all options checked for themselves.
struct TrainRequest {
  RunConfig config;
  std::optional<std::filesystem::path> out;                 ///< where a new run's folder goes; nothing: runs/<time>
  std::optional<RunFolder> resumed;                         ///< the run to go on with, held
  bool record = true;                                       ///< into RunFolder::next_event_log
  bool share = true;                                        ///< so that it can be watched
  std::set<std::string, std::less<>> said;                  ///< options that the command line gave
  std::map<std::string, std::string, std::less<>> in_file;  ///< those that --config gave, and in which file

  /// An option as errors name it: "--tf32", or "run.toml: tf32" where that is where it stands.
  std::string spelled(std::string_view key) const;

  /// The run's folder, with config.toml as of now in it: keep() it before the first step. One that is resumed is
  /// another than before from now on: call it when everything else is known to be well. Throws RunFolderError,
  /// FileError.
  RunFolder open_folder();
};

/// Trains. Returns the exit code; what is wrong before the first step is thrown.
int run_train(TrainRequest request, Streams streams);

}  // namespace sidestep
