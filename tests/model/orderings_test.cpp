// Each ordering that the bus' code names and a model's program runs through is weakened, one at a time: some program must notice.
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
  for (const auto& [site, programs] : sites) {
    const bool noticed = std::any_of(programs.begin(), programs.end(), [&](const Program* program) {
      try {
        program->explore({.preemptions = 2, .weakened = site});
        return false;
      } catch (const Violation&) {
        return true;
      }
    });
    std::printf("%s %s:%u\n", noticed ? "noticed" : "missed", std::string(site.file.substr(site.file.find_last_of('/') + 1)).c_str(), site.line);
  }
}

}  // namespace
}  // namespace sidestep
