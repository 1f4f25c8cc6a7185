#include <sidestep/trainer/command/exit_code.hpp>
#include <sidestep/trainer/command/operator_pages.hpp>
#include <sidestep/trainer/command/subcommand.hpp>
#include <sidestep/trainer/control/nearest.hpp>
#include <sidestep/trainer/control/spec.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace sidestep {
namespace {

using command::operator_pages;
using command::OperatorPage;

/// Lines of so many columns at most, broken between words.
std::string in_lines(std::string_view text, std::size_t columns = 80) {
  std::string out;
  std::size_t column = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    if (column > 0 && column + 1 + word.size() > columns) out += '\n', column = 0;
    if (column > 0) out += ' ', ++column;
    out += word;
    column += word.size();
    if (end < text.size() && text[end] == '\n') out += '\n', column = 0;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

/// Where the first sentence ends. Three points don't end it.
std::size_t end_of_sentence(std::string_view text) {
  for (std::size_t at = 0; (at = text.find(". ", at)) != std::string_view::npos; ++at)
    if (at == 0 || text[at - 1] != '.') return at;
  return text.size() - (text.ends_with('.') ? 1 : 0);
}

/// A name, and what it does in a sentence beside it.
std::string list_entry(std::string_view name, std::string_view text) {
  constexpr std::size_t column = 26;
  const std::string sentence = in_lines(text.substr(0, end_of_sentence(text)), 80 - column);
  std::string out = fmt::format("  {:<{}}", name, column - 2);
  for (const char c : sentence) out += c == '\n' ? '\n' + std::string(column, ' ') : std::string(1, c);
  return out + '\n';
}

/// What no diagram draws.
constexpr OperatorPage elsewhere[] = {
    {"Beside them", "pure", "pure", "",
     "Says of a functor that its captures are constants, which no checkpoint need hold.",
     "  filter(pure([limit](double x) { return x < limit; }))\n",
     "Needed where a pipeline ends in decide or in subscribe(saved, f)."},
};

std::vector<OperatorPage> all_pages() {
  std::vector<OperatorPage> pages = operator_pages();
  pages.insert(pages.end(), std::begin(elsewhere), std::end(elsewhere));
  return pages;
}

/// What one may write whose page this is.
std::vector<std::string_view> names_of(const OperatorPage& page) {
  std::vector<std::string_view> names{page.name};
  for (std::string_view rest = page.also; !rest.empty();) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    names.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return names;
}

class OperatorsCommand : public Subcommand {
 public:
  std::string name() const override { return "operators"; }
  std::string summary() const override { return "list operators, or one's marble diagram and meaning"; }
  void declare(CLI::App& app) override { app.add_option("name", name_, "what one writes in a pipeline"); }
  int run(Streams streams) override {
    const std::vector<OperatorPage> pages = all_pages();
    if (name_.empty()) {
      std::string_view group;
      for (const OperatorPage& page : pages) {
        if (page.group != group) streams.out << fmt::format("{}{}\n", group.empty() ? "" : "\n", page.group);
        group = page.group;
        streams.out << list_entry(page.title, page.says);
      }
      streams.out << "\nMore: sidestep operators NAME\n";
      return exit_well;
    }
    const std::string wanted = name_.substr(0, name_.find('('));  // as it stands in a program
    std::vector<std::string_view> names;
    std::vector<const OperatorPage*> found;  // a name may be that of an operator and of a window
    for (const OperatorPage& page : pages) {
      const std::vector<std::string_view> its = names_of(page);
      names.insert(names.end(), its.begin(), its.end());
      if (std::ranges::find(its, wanted) != its.end())
        found.insert(page.name == wanted ? found.begin() : found.end(), &page);
    }
    for (const OperatorPage* const page : found)
      streams.out << fmt::format("{}{}\n\n{}\n\n{}\n{}\n", page == found.front() ? "" : "\n", page->title,
                                 in_lines(page->says), page->drawn, in_lines(page->more));
    if (!found.empty()) return exit_well;
    std::ranges::sort(names);
    names.erase(std::unique(names.begin(), names.end()), names.end());
    throw SpecError(
        fmt::format("unknown operator '{}'. {}", name_,
                    nearest(wanted, names).empty() ? "`sidestep operators` lists all." : did_you_mean(wanted, names)));
  }

 private:
  std::string name_;
};

}  // namespace

std::unique_ptr<Subcommand> operators_command() { return std::make_unique<OperatorsCommand>(); }

}  // namespace sidestep
