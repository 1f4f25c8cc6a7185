#pragma once
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace sidestep {

/// Where a command writes: results to `out`, complaints to `err`.
struct Streams {
  std::ostream& out;
  std::ostream& err;
};

/// One command of `sidestep`: what it takes, and what it does.
class Subcommand {
 public:
  virtual ~Subcommand() = default;
  virtual std::string name() const = 0;
  virtual std::string summary() const = 0;  ///< one line
  virtual std::string details() const { return {}; }
  /// Says which options it takes; they must outlive the parsing.
  virtual void declare(CLI::App& app) = 0;
  /// The exit code. What it throws before anything has begun becomes one sentence and exit code 2.
  virtual int run(Streams streams) = 0;
};

/// All commands, in the order of the help.
std::vector<std::unique_ptr<Subcommand>> subcommands();

std::unique_ptr<Subcommand> train_command();
std::unique_ptr<Subcommand> evaluate_command();
std::unique_ptr<Subcommand> callbacks_command();
std::unique_ptr<Subcommand> operators_command();
std::unique_ptr<Subcommand> log_command();
std::unique_ptr<Subcommand> watch_command();
std::unique_ptr<Subcommand> info_command();

}  // namespace sidestep
