#include <sidestep/trainer/command/command_line.hpp>

#include <algorithm>
#include <cerrno>
#include <new>
#include <optional>

#include <fmt/format.h>
#include <sidestep/bus/log_format.hpp>
#include <sidestep/kernels/error.hpp>
#include <sidestep/trainer/callbacks/error.hpp>
#include <sidestep/trainer/command/exit_code.hpp>
#include <sidestep/trainer/command/help.hpp>
#include <sidestep/trainer/config.hpp>
#include <sidestep/trainer/control/atomic_file.hpp>
#include <sidestep/trainer/control/nearest.hpp>
#include <sidestep/trainer/control/safetensors.hpp>
#include <sidestep/trainer/run_folder.hpp>
#include <sidestep/trainer/version.hpp>

namespace sidestep {
namespace {

/// Complains about the first argument that nobody expected.
[[noreturn]] void refuse_unexpected(const CLI::App& app, const std::string& argument) {
  const std::string command = app.get_parent() != nullptr ? fmt::format("{}: ", app.get_name()) : std::string();
  const std::string see = app.get_parent() != nullptr ? fmt::format(" See `sidestep {} --help`.", app.get_name())
                                                      : std::string(" See `sidestep --help`.");
  std::vector<std::string> names;
  if (argument.starts_with('-')) {
    for (const CLI::Option* option : app.get_options())
      for (const std::string& name : option->get_lnames()) names.push_back(fmt::format("--{}", name));
    const std::vector<std::string_view> views(names.begin(), names.end());
    const std::string option = argument.substr(0, argument.find('='));
    constexpr std::size_t few = 4;  // as many as a sentence can name
    const bool say_which = !nearest(option, views).empty() || views.size() <= few;
    throw ConfigError(fmt::format("{}{}: there is no such option.{}", command, option,
                                  say_which ? " " + did_you_mean(option, views) : see));
  }
  if (app.get_parent() != nullptr)
    throw ConfigError(fmt::format("{}'{}' isn't expected here. Options begin with --.{}", command, argument, see));
  for (const CLI::App* sub : app.get_subcommands({})) names.push_back(sub->get_name());
  const std::vector<std::string_view> views(names.begin(), names.end());
  throw ConfigError(fmt::format("{}: there is no such command. {}", argument, did_you_mean(argument, views)));
}

/// "--" itself is expected by everybody.
std::optional<std::string> first_unexpected(const CLI::App& app) {
  for (const std::string& argument : app.remaining())
    if (argument != "--") return argument;
  return std::nullopt;
}

/// An option that follows another isn't its value: the value has been forgotten.
void refuse_options_as_values(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty()) continue;
    for (const std::string& value : option->results()) {
      if (!value.starts_with("--")) continue;
      const bool is_option = app.get_option_no_throw(value.substr(0, value.find('='))) != nullptr;
      throw ConfigError(fmt::format("{}: --{} has no value before {}. Give it one{}. See `sidestep {} --help`.",
                                    app.get_name(), option->get_lnames().front(), value,
                                    is_option ? "" : fmt::format(", ./{} if that is its name", value), app.get_name()));
    }
  }
}

/// One line, whatever names and values are in it.
std::string in_one_line(std::string_view text) {
  std::string line;
  for (const char letter : text) {
    if (letter == '\n')
      line += "\\n";
    else if (static_cast<unsigned char>(letter) < ' ' || letter == '\x7f')
      line += fmt::format("\\x{:02x}", letter);
    else
      line += letter;
  }
  return line;
}

/// What CLI11 couldn't parse, with a mend. `command`: the one that was named, or empty.
std::string explained(const CLI::ParseError& error, const std::string& command) {
  std::string why = error.what();
  while (!why.empty() && (why.back() == '\n' || why.back() == '.')) why.pop_back();
  const std::string before = command.empty() ? "" : command + ": ";
  const std::string see = fmt::format(" See `sidestep {}--help`.", command.empty() ? "" : command + " ");
  const std::string name = why.substr(0, why.find(':'));
  if (const auto end = why.find(" was given a disallowed flag override"); end != std::string::npos)
    return fmt::format("{}--{} takes no value. Leave out what follows it.{}", before,
                       why.substr(0, end).substr(why.find_first_not_of('-')), see);
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr && name.starts_with("--"))
    return fmt::format("{}{} has no value. Give it one.{}", before, name, see);
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr)
    return fmt::format("{}no {} was given. Name one.{}", before, why.substr(0, why.find(' ')), see);
  if (const auto at = why.find("--");
      dynamic_cast<const CLI::ConversionError*>(&error) != nullptr && at != std::string::npos)
    return fmt::format("{}{} takes no value. Leave out what follows it.{}", before,
                       why.substr(at, why.find(' ', at) - at), see);
  return fmt::format("{}{}.{}", before, why, see);
}

/// `help` and `help train` are `--help` and `train --help`; so is `help help`. An unknown word stays alone: it is
/// refused as a command.
void take_help_as_an_option(std::vector<std::string>& arguments, const CLI::App& app) {
  if (arguments.empty() || arguments.front() != "help") return;
  while (!arguments.empty() && arguments.front() == "help") arguments.erase(arguments.begin());
  const auto is_first = [&](const CLI::App* command) { return command->get_name() == arguments.front(); };
  if (arguments.empty() || std::ranges::any_of(app.get_subcommands({}), is_first)) arguments.emplace_back("--help");
}

int parse_and_run(std::vector<std::string> arguments, Streams streams) {
  CLI::App app("Trains networks, with callbacks that never stand in the way of a step.", "sidestep");
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_help_flag("-h,--help", "this text");
  app.set_version_flag("--version", std::string(version()), "the version");
  app.allow_extras();
  const auto commands = subcommands();
  for (const auto& command : commands) {
    CLI::App* sub = app.add_subcommand(command->name(), command->summary());
    sub->footer(command->details());
    sub->allow_extras();
    sub->fallthrough(false);
    command->declare(*sub);
  }
  take_help_as_an_option(arguments, app);
  const bool has_dashes = std::ranges::find(arguments, "--") != arguments.end();
  try {
    std::ranges::reverse(arguments);  // as CLI11 wants them
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    streams.out << app.help();
    return exit_well;
  } catch (const CLI::CallForVersion& version) {
    streams.out << version.what() << '\n';
    return exit_well;
  } catch (const CLI::ParseError& error) {
    const auto parsed = app.get_subcommands();
    throw ConfigError(explained(error, parsed.empty() ? "" : parsed.front()->get_name()));
  }
  if (const auto extra = first_unexpected(app)) {
    const auto parsed = app.get_subcommands();  // what stands behind "--" is left to the program
    refuse_unexpected(has_dashes && !parsed.empty() ? *parsed.front() : app, *extra);
  }
  for (const auto& command : commands) {
    const CLI::App& sub = *app.get_subcommand(command->name());
    if (!sub.parsed()) continue;
    refuse_options_as_values(sub);
    if (const auto extra = first_unexpected(sub)) refuse_unexpected(sub, *extra);
    return command->run(streams);
  }
  streams.err << app.help();
  return exit_bad_input;
}

}  // namespace

int run_command_line(const std::vector<std::string>& arguments, Streams streams) {
  const auto complain = [&](const char* why, ExitCode code) {
    streams.err << "sidestep: " << in_one_line(why) << '\n';
    return code;
  };
  try {
    const int code = parse_and_run(arguments, streams);
    errno = 0;
    const bool whole = streams.out.good();
    if (streams.out.flush() || code != exit_well) return code;
    if (!whole || errno == 0)
      return complain("standard output couldn't be written: see where it goes.", exit_incomplete);
    return complain(FileError("standard output", "be written", errno).what(), exit_incomplete);
  } catch (const ConfigError& error) {
    return complain(error.what(), exit_bad_input);
  } catch (const CallbackError& error) {
    return complain(error.what(), exit_bad_input);
  } catch (const SpecError& error) {
    return complain(error.what(), exit_bad_input);
  } catch (const DataError& error) {
    return complain(error.what(), exit_bad_input);
  } catch (const RunFolderError& error) {
    return complain(error.what(), exit_bad_input);
  } catch (const CheckpointError& error) {
    return complain(error.what(), exit_bad_input);
  } catch (const LogError& error) {
    return complain(error.what(), exit_bad_input);
  } catch (const FileError& error) {
    return complain(error.what(), exit_bad_input);
  } catch (const kernels::Error& error) {
    return complain(error.what(), exit_bad_input);
  } catch (const std::bad_alloc&) {
    return complain("there isn't enough memory. Use a smaller batch, or end other programs.", exit_broken_off);
  } catch (const std::exception& error) {
    return complain(error.what(), exit_broken_off);
  }
}

}  // namespace sidestep
