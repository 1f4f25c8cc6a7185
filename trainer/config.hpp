#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <sidestep/trainer/control/spec.hpp>
#include <sidestep/trainer/control/sync.hpp>
#include <sidestep/trainer/data/dataset.hpp>
#include <sidestep/trainer/schedule_spec.hpp>

namespace sidestep {

/// An option that can't be used. `what()` is a sentence: what, where, the mend.
class ConfigError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// Everything that a run depends on, as `sidestep train` takes it and config.toml keeps it.
struct RunConfig {
  std::string model = "lenet";
  std::string backend = "auto";
  std::int64_t epochs = 5;
  std::optional<std::int64_t> max_steps{};    ///< nothing: no limit
  std::optional<std::int64_t> limit_train{};  ///< nothing: all samples
  std::int64_t batch_size = 128;
  double lr = 2e-3;
  ScheduleSpec schedule{};
  std::string optimizer = "adamw";
  std::uint64_t seed = 1;
  std::optional<int> threads{};  ///< nothing: as many as the machine has
  Sync sync = lag(2);
  std::int64_t run_ahead = 2;
  bool tf32 = false;
  std::vector<Spec> callbacks{};  ///< beside the default ones, or in place of the one of that name
  bool no_default_callbacks = false;
  std::string data = fashion_mnist_folder;
  bool quiet = false;

  friend bool operator==(const RunConfig&, const RunConfig&) = default;
};

/// Options as somebody gave them: the key ("batch-size") and its values as text; a flag's value is "true" or "false".
using GivenOptions = std::map<std::string, std::vector<std::string>>;

enum class OptionKind : std::uint8_t { whole, number, text, flag, list };

/// One option: a row of the one table that the command line, config files and resuming are made of.
struct ConfigOption {
  std::string_view key;    ///< on the command line behind "--"
  std::string_view value;  ///< what its value is called in the help; "" for a flag
  std::string_view help;
  OptionKind kind;
  bool may_differ;  ///< from config.toml when a run is resumed

  /// Throws ConfigError, whose sentence begins with the value.
  void (*set)(RunConfig& config, const std::vector<std::string>& values);
  /// As `set` takes it; no values where the option is at "nothing".
  std::vector<std::string> (*get)(const RunConfig& config);
};

std::span<const ConfigOption> config_options();

/// Sets what was given; the rest stays. `where` precedes an option's key in errors: "--", or "run.toml: ".
/// Throws ConfigError for an unknown key, with the nearest right one, and for a value of the wrong type or out of
/// range.
void apply(RunConfig& config, const GivenOptions& given, std::string_view where);

/// What a config file gives. Throws ConfigError: unreadable, not TOML (line and column), unknown key, wrong type.
GivenOptions read_config_file(const std::filesystem::path& path);

/// What config.toml begins with.
inline constexpr std::string_view config_first_line = "# `sidestep train --config THIS_FILE` repeats this run.";

/// The text of config.toml: enough to repeat the run with `sidestep train --config`.
std::string config_text(const RunConfig& config);

/// Throws ConfigError, naming the option, if config_text couldn't be read again: TOML is UTF-8, and names of files
/// need not be.
void check_it_can_be_stored(const RunConfig& config);

/// Fixes what a longer --epochs on resuming must not change: the cosine's length is from now on what the epochs are
/// now.
void pin_schedule(RunConfig& config);

/// The options of a run that goes on: those stored, changed by those given. Throws ConfigError, naming the option, if
/// one differs that mustn't. `quiet` is for each call to say. `folder` is the run's, for errors.
RunConfig resumed_config(const RunConfig& stored, const GivenOptions& given, const std::filesystem::path& folder);

}  // namespace sidestep
