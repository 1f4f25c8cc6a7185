#include <sidestep/trainer/command/help.hpp>

#include <algorithm>
#include <cctype>
#include <sstream>

#include <fmt/format.h>

namespace sidestep {
namespace {

constexpr std::size_t second_column = 25;

/// "  --epochs N             passes over the training data (default 5)"
std::string row(const std::string& left, const std::string& right) {
  std::string text = fmt::format("  {:<{}}", left, second_column - 3);
  if (text.size() >= second_column) {
    text += '\n' + std::string(second_column, ' ');
  } else {
    text += ' ';
  }
  return text + wrapped(right, second_column, second_column) + '\n';
}

std::string positional_name(const CLI::Option& option) {
  std::string name = option.get_name(true);
  std::ranges::transform(name, name.begin(),
                         [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
  return option.get_required() ? name : fmt::format("[{}]", name);
}

/// "train a network" as a sentence.
std::string sentence(std::string text) {
  if (text.empty()) return text;
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text.ends_with('.') ? text : text + '.';
}

std::string option_left(const CLI::Option& option) {
  if (option.get_positional()) return positional_name(option);
  std::string names;
  for (const std::string& name : option.get_snames()) names += fmt::format("-{}, ", name);
  for (const std::string& name : option.get_lnames()) names += fmt::format("--{}", name);
  const std::string value = option.get_type_name();
  return option.get_type_size() == 0 || value.empty() ? names : fmt::format("{} {}", names, value);
}

std::string option_right(const CLI::Option& option) {
  const std::string standard = option.get_default_str();
  return standard.empty() ? option.get_description()
                          : fmt::format("{} (default {})", option.get_description(), standard);
}

/// Paragraphs that begin with a space are examples and stay as they are.
std::string paragraphs(const std::string& text) {
  std::istringstream lines(text);
  std::string all;
  for (std::string line; std::getline(lines, line);) all += (line.starts_with(' ') ? line : wrapped(line, 0, 0)) + '\n';
  return all;
}

}  // namespace

std::string wrapped(std::string_view text, std::size_t first_column, std::size_t indent, std::size_t width) {
  std::istringstream words{std::string(text)};
  std::string broken;
  std::size_t column = first_column;
  bool begins = true;
  for (std::string word; words >> word; begins = false) {
    if (!begins && column + 1 + word.size() > width) {
      broken += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (!begins) {
      broken += ' ';
      ++column;
    }
    broken += word;
    column += word.size();
  }
  return broken;
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const {
  const bool top = app->get_parent() == nullptr;
  std::string positional, options, commands;
  for (const CLI::Option* option : app->get_options()) {
    if (option->get_positional()) positional += fmt::format(" {}", positional_name(*option));
    options += row(option_left(*option), option_right(*option));
  }
  for (const CLI::App* sub : app->get_subcommands({})) commands += row(sub->get_name(), sub->get_description());

  std::string text = top ? "Usage: sidestep COMMAND [options]\n\n"
                         : fmt::format("Usage: sidestep {}{} [options]\n\n", app->get_name(), positional);
  text += wrapped(sentence(app->get_description()), 0, 0) + "\n";
  if (!commands.empty()) text += "\nCommands (`sidestep COMMAND --help` says more):\n" + commands;
  text += "\nOptions:\n" + options;
  if (!app->get_footer().empty()) text += '\n' + paragraphs(app->get_footer());
  return text;
}

}  // namespace sidestep
