#include <sidestep/trainer/command/exit_code.hpp>
#include <sidestep/trainer/command/operator_pages.hpp>
#include <sidestep/trainer/command/subcommand.hpp>
#include <sidestep/trainer/control/nearest.hpp>
#include <sidestep/trainer/control/spec.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace sidestep {
namespace {

using command::operator_pages;
using command::OperatorPage;

/// Lines of 80 columns at most, broken between words.
std::string in_lines(std::string_view text) {
  std::string out;
  std::size_t column = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    if (column > 0 && column + 1 + word.size() > 80) out += '\n', column = 0;
    if (column > 0) out += ' ', ++column;
    out += word;
    column += word.size();
    if (end < text.size() && text[end] == '\n') out += '\n', column = 0;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

/// The first sentence, or what of it has room behind a name.
std::string beginning(std::string_view text) {
  constexpr std::size_t room = 54;
  const std::size_t end = std::min({text.find(". "), text.find(": "), text.size() - (text.ends_with('.') ? 1 : 0)});
  if (end <= room) return std::string(text.substr(0, end));
  return std::string(text.substr(0, text.rfind(' ', room - 4))) + " ...";
}

class OperatorsCommand : public Subcommand {
 public:
  std::string name() const override { return "operators"; }
  std::string summary() const override { return "list operators, or one's marble diagram and meaning"; }
  void declare(CLI::App& app) override { app.add_option("name", name_, "an operator's name"); }
  int run(Streams streams) override {
    const std::vector<OperatorPage>& pages = operator_pages();
    if (name_.empty()) {
      std::string_view group;
      for (const OperatorPage& page : pages) {
        if (page.group != group) streams.out << fmt::format("{}{}\n", group.empty() ? "" : "\n", page.group);
        group = page.group;
        streams.out << fmt::format("  {:<22}  {}\n", page.name, beginning(page.says));
      }
      streams.out << "\nMore: sidestep operators NAME\n";
      return exit_well;
    }
    const auto page = std::find_if(pages.begin(), pages.end(), [&](const OperatorPage& each) { return each.name == name_; });
    if (page == pages.end()) {
      std::vector<std::string_view> names;
      for (const OperatorPage& each : pages) names.push_back(each.name);
      throw SpecError(fmt::format("unknown operator '{}'. {}", name_, did_you_mean(name_, names)));
    }
    streams.out << fmt::format("{}\n\n{}\n\n{}\n{}\n", page->name, in_lines(page->says), page->drawn, in_lines(page->more));
    return exit_well;
  }

 private:
  std::string name_;
};

}  // namespace

std::unique_ptr<Subcommand> operators_command() { return std::make_unique<OperatorsCommand>(); }

}  // namespace sidestep
