#include <sidestep/trainer/command/train_options.hpp>

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sidestep/trainer/backend.hpp>

namespace sidestep {
namespace {

namespace fs = std::filesystem;

CLI::Option* add(CLI::App& app, std::string_view key, std::vector<std::string>& values, std::string_view value_name,
                 std::string_view help) {
  return app.add_option(fmt::format("--{}", key), values, std::string(help))
      ->allow_extra_args(false)  // each --callback takes one value, not all that follow
      ->type_name(std::string(value_name));
}

std::optional<fs::path> path_given(const std::vector<std::string>& values, std::string_view key) {
  if (values.empty()) return std::nullopt;
  if (values.size() > 1) throw ConfigError(fmt::format("--{} is given {} times. Give it once.", key, values.size()));
  if (values[0].empty()) throw ConfigError(fmt::format("--{}: is empty. Give it a name, or leave it out.", key));
  return values[0];
}

/// The callbacks of a file, those that the command line names too replaced by its own.
std::vector<std::string> with_replaced(std::vector<std::string> specs, const std::vector<std::string>& by) {
  const auto name = [](std::string_view spec) { return spec.substr(0, spec.find(':')); };
  std::erase_if(specs, [&](const std::string& spec) {
    return std::ranges::any_of(by, [&](const std::string& other) { return name(other) == name(spec); });
  });
  specs.insert(specs.end(), by.begin(), by.end());
  return specs;
}

/// So that the run can be resumed from anywhere.
std::string whole_path(const std::string& data) {
  std::error_code failed;
  const fs::path whole = fs::absolute(data, failed);
  if (failed)
    throw ConfigError(
        fmt::format("--data {}: can't be found from here: the working folder is gone. Name it by its "
                    "whole path, or go to another folder.",
                    data));
  return whole.lexically_normal().string();
}

}  // namespace

void TrainOptions::declare(CLI::App& app) {
  for (const ConfigOption& option : config_options()) {
    Given& given = options_[option.key];
    const std::string standard = fmt::format("{}", fmt::join(option.get(RunConfig{}), " "));
    if (option.kind == OptionKind::flag) {
      app.add_flag(fmt::format("--{}", option.key), given.flag, std::string(option.help))->disable_flag_override();
    } else {
      add(app, option.key, given.values, option.value, option.help)->default_str(standard);
    }
  }
  add(app, "out", out_, "DIR", "the run's folder, which must not exist yet (default runs/<time>)");
  app.add_flag("--resume", resume_, "go on with the run in --out, or with the newest in runs/")
      ->disable_flag_override();
  CLI::Option* const record = app.add_flag(
      "--record", record_, "write every event to events.log in the run's folder, for `sidestep log` (the default)");
  record->disable_flag_override();
  app.add_flag("--no-record", no_record_, "write no events.log (say it again with --resume)")
      ->disable_flag_override()
      ->excludes(record);
  app.add_flag("--no-share", no_share_, "nobody can watch the run with `sidestep watch` (say it again with --resume)")
      ->disable_flag_override();
  add(app, "config", config_, "FILE",
      "take options from a TOML file, such as a run's config.toml; the command line counts more");
}

GivenOptions TrainOptions::said() const {
  GivenOptions all;
  for (const auto& [key, each] : options_) {
    if (each.flag) all[std::string(key)] = {"true"};
    if (!each.values.empty()) all[std::string(key)] = each.values;
  }
  return all;
}

TrainRequest TrainOptions::request() const {
  TrainRequest request;
  GivenOptions given = said();
  for (const auto& [key, values] : given) request.said.insert(key);
  if (const auto file = path_given(config_, "config")) {
    GivenOptions more = read_config_file(*file);
    for (const auto& [key, values] : more) request.in_file.emplace(key, file->string());
    if (more.contains("callback") && given.contains("callback"))
      given["callback"] = with_replaced(std::move(more["callback"]), given["callback"]);
    given.merge(more);
  }
  const std::optional<fs::path> out = path_given(out_, "out");
  apply(request.config, given, "--");
  request.record = !no_record_;
  request.share = !no_share_;
  if (resume_) {
    request.resumed.emplace(RunFolder::resume(out));
    request.config = resumed_config(request.resumed->stored_config(), given, request.resumed->path());
  } else {
    request.out = out;
    pin_schedule(request.config);
    request.config.backend = resolve_backend(request.config.backend);  // the run goes on with it wherever that is
  }
  request.config.data = whole_path(request.config.data);
  check_it_can_be_stored(request.config);
  return request;
}

std::string TrainRequest::spelled(std::string_view key) const {
  if (const auto file = in_file.find(key); file != in_file.end() && !said.contains(key))
    return fmt::format("{}: {}", file->second, key);
  return fmt::format("--{}", key);
}

RunFolder TrainRequest::open_folder() {
  if (!resumed) return RunFolder::create(out, config);
  RunFolder folder = std::move(*resumed);
  folder.store(config);
  return folder;
}

}  // namespace sidestep
