#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <sstream>

#include <fmt/format.h>
#include <toml++/toml.h>
#include <sidestep/trainer/callbacks/error.hpp>
#include <sidestep/trainer/callbacks/registry.hpp>
#include <sidestep/trainer/config.hpp>
#include <sidestep/trainer/control/nearest.hpp>

namespace sidestep {
namespace {

std::string quoted(const std::string& text) {
  std::ostringstream out;
  out << toml::toml_formatter(toml::value<std::string>(text), toml::format_flags::none);
  return out.str();
}

/// Written as TOML and read again it is what it was.
bool survives(const std::string& text) {
  try {
    return toml::parse("text = " + quoted(text))["text"].value<std::string>() == text;
  } catch (const toml::parse_error&) {
    return false;
  }
}

std::string_view name_of(OptionKind kind) {
  switch (kind) {
    case OptionKind::whole:
      return "a whole number";
    case OptionKind::number:
      return "a number";
    case OptionKind::text:
      return "a text in quotes";
    case OptionKind::flag:
      return "true or false";
    case OptionKind::list:
      return "a list of texts, as in [\"early_stopping:patience=5\"]";
  }
  return "";
}

/// Texts stand for themselves; numbers and flags as the command line would write them. Nothing for any other node.
std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* whole = node.as_integer()) return fmt::format("{}", whole->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  return std::nullopt;
}

/// What numbers that may be missing are set to; which of them knows which word, the option says.
bool is_word(const toml::node& node) {
  const auto* text = node.as_string();
  return text != nullptr && (text->get() == "none" || text->get() == "auto");
}

bool suits(OptionKind kind, const toml::node& node) {
  switch (kind) {
    case OptionKind::whole:
      return node.is_integer() || is_word(node);
    case OptionKind::number:
      return node.is_number();
    case OptionKind::text:
      return node.is_string();
    case OptionKind::flag:
      return node.is_boolean();
    case OptionKind::list:
      return node.is_array();
  }
  return false;
}

/// `{name = "early_stopping", patience = 5}`, which says the same as "early_stopping:patience=5".
std::optional<std::string> spec_text(const toml::table& table) {
  Spec spec;
  for (const auto& [key, node] : table) {
    const std::optional<std::string> value = scalar_text(node);
    if (!value) return std::nullopt;
    if (key.str() == "name")
      spec.name = *value;
    else
      spec.options.emplace_back(key.str(), *value);
  }
  return spec.text();
}

/// Options of `sidestep train` that no run has: they are about one call.
constexpr std::array<std::string_view, 6> only_on_the_command_line{"out",       "resume",   "record",
                                                                   "no-record", "no-share", "config"};

class FileReader {
 public:
  explicit FileReader(const std::filesystem::path& path) : where_(path.string()) {}

  GivenOptions read(const toml::table& table) const {
    GivenOptions given;
    for (const auto& [key, node] : table) {
      std::string name(key.str());
      std::ranges::replace(name, '_', '-');
      if (name == "sidestep") continue;  // the version that wrote it
      const ConfigOption& known = option(name, node);
      if (given.contains(name))
        refuse(node, fmt::format("{} is given twice, with '-' and with '_'. Leave one out.", name));
      given[name] = values(known, node);
    }
    return given;
  }

 private:
  [[noreturn]] void refuse(const toml::node& node, const std::string& why) const {
    throw ConfigError(fmt::format("{}, line {}: {}", where_, node.source().begin.line, why));
  }

  const ConfigOption& option(const std::string& name, const toml::node& node) const {
    const auto all = config_options();
    const auto found = std::ranges::find(all, name, &ConfigOption::key);
    if (found != all.end()) return *found;
    if (std::ranges::find(only_on_the_command_line, name) != only_on_the_command_line.end())
      refuse(node, fmt::format("'{0}' belongs on the command line: --{0}.", name));
    std::vector<std::string_view> keys;
    for (const ConfigOption& each : all) keys.push_back(each.key);
    refuse(node, fmt::format("there is no option '{}'. {}", name, did_you_mean(name, keys)));
  }

  /// Made and thrown away, so that a complaint names the line.
  void check_callback(const std::string& spec, const toml::node& node) const {
    try {
      static_cast<void>(make_callback(parse_spec(spec)));
    } catch (const CallbackError& error) {
      refuse(node, error.what());
    } catch (const std::logic_error& error) {  // SpecError, ...
      refuse(node, error.what());
    }
  }

  std::vector<std::string> values(const ConfigOption& option, const toml::node& node) const {
    if (!suits(option.kind, node)) refuse(node, fmt::format("{} must be {}.", option.key, name_of(option.kind)));
    std::vector<std::string> texts;
    if (option.kind == OptionKind::list) {
      for (const toml::node& element : *node.as_array()) {
        const auto* table = element.as_table();
        const auto text = table != nullptr ? spec_text(*table) : element.value<std::string>();
        if (!text) refuse(element, fmt::format("{} must be {}.", option.key, name_of(option.kind)));
        check_callback(*text, element);
        texts.push_back(*text);
      }
    } else {
      texts.push_back(*scalar_text(node));
    }
    // the value itself, so that a complaint names the line
    try {
      RunConfig scratch;
      option.set(scratch, texts);
    } catch (const ConfigError& error) {
      refuse(node, fmt::format("{} = {}", option.key, error.what()));
    }
    return texts;
  }

  std::string where_;
};

}  // namespace

GivenOptions read_config_file(const std::filesystem::path& path) {
  std::error_code failed;
  if (std::filesystem::exists(path, failed) && !std::filesystem::is_regular_file(path, failed))
    throw ConfigError(fmt::format("{}: isn't a file. Name a config.toml.", path.string()));
  if (failed == std::errc::permission_denied)
    throw ConfigError(fmt::format("{}: can't be read. Check its permissions.", path.string()));
  if (!std::filesystem::is_regular_file(path, failed))
    throw ConfigError(fmt::format("{}: there is no such file. Name a config.toml.", path.string()));
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file && !file.eof()) throw ConfigError(fmt::format("{}: can't be read. Check its permissions.", path.string()));
  try {
    return FileReader(path).read(toml::parse(text));
  } catch (const toml::parse_error& error) {
    throw ConfigError(fmt::format("{}, line {}, column {}: isn't TOML ({}). Correct it, or leave it out.",
                                  path.string(), error.source().begin.line, error.source().begin.column,
                                  error.description()));
  }
}

std::string config_text(const RunConfig& config) {
  std::string text = std::string(config_first_line) + '\n';
  for (const ConfigOption& option : config_options()) {
    const std::vector<std::string> values = option.get(config);
    if (option.kind == OptionKind::list) {
      text += fmt::format("{} = [", option.key);
      for (const std::string& value : values) text += fmt::format("\n  {},", quoted(value));
      text += values.empty() ? "]\n" : "\n]\n";
    } else if (!values.empty()) {
      const bool bare = option.kind != OptionKind::text;
      text += fmt::format("{} = {}\n", option.key, bare ? values.front() : quoted(values.front()));
    }
  }
  return text;
}

void check_it_can_be_stored(const RunConfig& config) {
  for (const ConfigOption& option : config_options())
    for (const std::string& value : option.get(config))
      if (!survives(value))
        throw ConfigError(fmt::format(
            "--{}: isn't UTF-8, so config.toml can't keep it, and the run couldn't be resumed. Give the file "
            "or folder another name, or lead to it by a link.",
            option.key));
}

}  // namespace sidestep
