#include <sidestep/trainer/config.hpp>

#include <algorithm>
#include <ranges>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sidestep/trainer/control/nearest.hpp>

namespace sidestep {
namespace {

const ConfigOption& option_named(std::string_view key, std::string_view where) {
  const auto all = config_options();
  const auto found = std::ranges::find(all, key, &ConfigOption::key);
  if (found != all.end()) return *found;
  std::vector<std::string_view> keys;
  for (const ConfigOption& option : all) keys.push_back(option.key);
  throw ConfigError(fmt::format("{}{}: there is no such option. {}", where, key, did_you_mean(key, keys)));
}

void set_option(RunConfig& config, const ConfigOption& option, const std::vector<std::string>& values,
                std::string_view where) {
  try {
    option.set(config, values);
  } catch (const ConfigError& error) {
    throw ConfigError(fmt::format("{}{} {}", where, option.key, error.what()));
  }
}

std::string spelled(const ConfigOption& option, const RunConfig& config) {
  const std::vector<std::string> values = option.get(config);
  return values.empty() ? "none" : fmt::format("{}", fmt::join(values, " "));
}

/// What the run began with. "none" would mislead where the default callbacks run.
std::string begun_with(const ConfigOption& option, const RunConfig& stored) {
  if (option.key == "callback" && stored.callbacks.empty() && !stored.no_default_callbacks)
    return "the default callbacks alone";
  return spelled(option, stored);
}

/// "--epochs, --max-steps and --quiet"
std::string free_options() {
  std::vector<std::string> names;
  for (const ConfigOption& option : config_options())
    if (option.may_differ) names.push_back(fmt::format("--{}", option.key));
  const std::string last = names.back();
  names.pop_back();
  return fmt::format("{} and {}", fmt::join(names, ", "), last);
}

}  // namespace

void apply(RunConfig& config, const GivenOptions& given, std::string_view where) {
  for (const auto& [key, values] : given) set_option(config, option_named(key, where), values, where);
}

void pin_schedule(RunConfig& config) {
  if (config.schedule.shape == Schedule::Shape::cosine && !config.schedule.epochs)
    config.schedule.epochs = config.epochs;
}

RunConfig resumed_config(const RunConfig& stored, const GivenOptions& given, const std::filesystem::path& folder) {
  RunConfig changed = stored;
  changed.quiet = false;
  apply(changed, given, "--");
  // "cosine" means what it meant when the run began
  if (changed.schedule.shape == Schedule::Shape::cosine && !changed.schedule.epochs)
    changed.schedule.epochs = stored.schedule.epochs;
  if (changed.backend == "auto") changed.backend = stored.backend;  // leaves it to us, and the run has one
  for (const ConfigOption& option : config_options()) {
    if (option.may_differ || option.get(changed) == option.get(stored)) continue;
    throw ConfigError(fmt::format(
        "--{} {}: the run in {} began with {}, and only {} may change on resuming. Leave --{} "
        "out, or begin a new run.",
        option.key, spelled(option, changed), folder.string(), begun_with(option, stored), free_options(), option.key));
  }
  return changed;
}

}  // namespace sidestep
