// Each ordering that the bus' code names and a model's program runs through is weakened, one at a time: some program
// must notice. Printed: for each line, how many orderings of it were weakened, "noticed" if each was.
// tests/build/orderings_test.py compares what this finds with all orderings that the code names.
#include <model/explorer.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>

namespace sidestep {
namespace {

using model::Explorer;
using model::Program;
using model::Site;
using model::Violation;

TEST(Orderings, EachThatIsWeakenedIsNoticed) {
  std::map<Site, std::vector<const Program*>> sites;
  for (const Program* const program : Program::all()) {
    std::set<Site> named;
    program->explore({.preemptions = 2, .sites = &named});
    for (const Site& site : named)
      if (site.file.find("/model/") == site.file.npos) sites[site].push_back(program);
  }
  EXPECT_GT(sites.size(), 5u);
  std::map<std::pair<std::string, unsigned>, std::pair<bool, std::set<unsigned>>> lines;  // each noticed, their columns
  for (const auto& [site, programs] : sites) {
    const Site& weakened = site;  // Clang 14 captures no structured bindings
    const bool noticed = std::any_of(programs.begin(), programs.end(), [&](const Program* program) {
      try {
        program->explore({.preemptions = 2, .weakened = weakened});
        return false;
      } catch (const Violation&) {
        return true;
      }
    });
    const auto line = lines.try_emplace({std::string(site.file.substr(site.file.find_last_of('/') + 1)), site.line},
                                        true, std::set<unsigned>{});
    line.first->second.first &= noticed;
    line.first->second.second.insert(site.column);
  }
  for (const auto& [line, what] : lines)
    std::printf("%s %s:%u %zu\n", what.first ? "noticed" : "missed", line.first.c_str(), line.second,
                what.second.size());
}

}  // namespace
}  // namespace sidestep
