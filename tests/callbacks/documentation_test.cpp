#include "scratch_folder.hpp"

#include <sidestep/trainer/callbacks/registry.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace sidestep::test {
namespace {

namespace fs = std::filesystem;

const fs::path repository = SIDESTEP_REPOSITORY;
const fs::path room = repository / "trainer/callbacks";

std::set<std::string> registered() {
  std::set<std::string> names;
  for (const CallbackEntry& entry : callback_registry()) names.emplace(entry.name);
  return names;
}

std::string documentation() { return read_text(repository / "docs/callbacks.md"); }

/// The lines of the table under this heading, by the name in their first column: "| `progress` * | a live line ... |".
std::map<std::string, std::string> documented(const std::string& heading) {
  const std::string page = documentation();
  std::map<std::string, std::string> rows;
  std::istringstream lines(page.substr(std::min(page.find(heading), page.size())));
  static const std::regex named("\\| `(\\w+)`.*");
  std::smatch found;
  for (std::string line; std::getline(lines, line) && line.starts_with('|');)
    if (std::regex_match(line, found, named)) rows[found[1]] = line;
  return rows;
}

/// "`monitor=val/loss`, `patience=0` (looks)": monitor=val/loss and patience=0.
std::vector<std::string> settings_in(const std::string& row) {
  static const std::regex setting("`(\\w+=[^`]*)`");
  std::vector<std::string> found;
  for (std::sregex_iterator at(row.begin(), row.end(), setting), end; at != end; ++at) found.push_back((*at)[1]);
  return found;
}

TEST(Documentation, ListsEachCallbackAndWhetherItRunsByDefault) {
  std::map<std::string, std::string> rows = documented("| name | what it does |");
  std::set<std::string> names;
  for (const auto& [name, row] : rows) names.insert(name);
  EXPECT_EQ(names, registered());
  for (const CallbackEntry& entry : callback_registry()) {
    const bool starred = rows[std::string(entry.name)].find("` * |") != std::string::npos;
    EXPECT_EQ(starred, entry.by_default.has_value()) << entry.name;
  }
  for (const Spec& spec : default_callbacks()) {
    if (spec.options.empty()) continue;
    EXPECT_NE(documentation().find('`' + spec.text() + '`'), std::string::npos) << spec.text();
  }
}

TEST(Documentation, NamesEachOptionWithItsDefault) {
  std::map<std::string, std::string> rows = documented("| callback | options and defaults |");
  for (const CallbackEntry& entry : callback_registry()) {
    std::vector<std::string> settings;
    for (const CallbackOption& option : entry.options)
      settings.push_back(std::string(option.name) + '=' +
                         (option.standard == "\\," ? "," : std::string(option.standard)));
    EXPECT_EQ(settings_in(rows[std::string(entry.name)]), settings) << "docs/callbacks.md: " << entry.name;
  }
}

/// Each line without what stands before it.
std::string unindented(const std::string& text) {
  static const std::regex indent("\n +");
  return std::regex_replace(text, indent, "\n");
}

TEST(Documentation, CodeThatNamesATestIsRunByIt) {
  const std::string page = documentation();
  static const std::regex example("<!-- (tests/\\S+): a test holds that it runs this -->\n```cpp\n([^`]*)```");
  std::sregex_iterator at(page.begin(), page.end(), example);
  ASSERT_NE(at, std::sregex_iterator{});
  for (; at != std::sregex_iterator{}; ++at)
    EXPECT_NE(unindented(read_text(repository / (*at)[1].str())).find('\n' + unindented((*at)[2])), std::string::npos)
        << (*at)[1] << " doesn't run what docs/callbacks.md shows:\n"
        << (*at)[2];
}

TEST(Documentation, SaysWhereAProgramLearnsThatACallbackFailed) {
  for (const char* page : {"README.md", "docs/callbacks.md", "docs/training.md"})
    EXPECT_NE(read_text(repository / page).find("report.failed()"), std::string::npos) << page;
}

TEST(Documentation, EachCallbackHasItsHeaderItsRowAndItsTest) {
  static const std::regex entry("extern const CallbackEntry (\\w+)_entry;");
  std::set<std::string> declared;
  for (const fs::directory_entry& file : fs::directory_iterator(room)) {
    if (file.path().extension() != ".hpp") continue;
    const std::string text = read_text(file.path());
    std::smatch found;
    if (!std::regex_search(text, found, entry)) continue;
    EXPECT_EQ(found[1].str(), file.path().stem().string()) << "its entry bears another name than its file";
    declared.insert(found[1]);
    EXPECT_TRUE(fs::exists(repository / "tests/callbacks" / (found[1].str() + "_test.cpp")))
        << found[1].str() << " has no test";
  }
  EXPECT_EQ(declared, registered()) << "an entry that has no row in registry.cpp never runs";
}

}  // namespace
}  // namespace sidestep::test
