#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include <sidestep/trainer/command/train.hpp>

namespace sidestep {

/// The options of `sidestep train`: those of the run (config_options), and where it lies.
class TrainOptions {
 public:
  /// After app.parse this object holds what was given; it mustn't move meanwhile.
  void declare(CLI::App& app);

  /// What was asked for. The order of precedence: command line, --config, the run that is resumed, defaults.
  /// Throws ConfigError, RunFolderError, FileError.
  TrainRequest request() const;

 private:
  struct Given {
    std::vector<std::string> values;
    bool flag = false;
  };

  /// On the command line itself.
  GivenOptions said() const;

  std::map<std::string_view, Given> options_;
  std::vector<std::string> out_, config_;
  bool resume_ = false, record_ = false, no_record_ = false, no_share_ = false;
};

}  // namespace sidestep
