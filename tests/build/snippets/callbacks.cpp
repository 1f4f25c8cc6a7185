#include <sidestep/sidestep.hpp>

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

using namespace sidestep;

void fits(Trainer& trainer, Bus& bus, Control& control) {
  //> auto epochs = std::make_shared<History>();
}

void tells_it() {
  //> std::vector<std::string> told;
}

//> Callback print_epochs() {

//> struct StopWhenGoodEnough {

struct GoalOptions {
  double value = 0.9;
};
namespace sidestep {
Callback goal(GoalOptions options);
extern const CallbackEntry goal_entry;
//> namespace {
}  // namespace sidestep
