#include <sidestep/trainer/command/subcommand.hpp>

namespace sidestep {

std::vector<std::unique_ptr<Subcommand>> subcommands() {
  std::vector<std::unique_ptr<Subcommand>> all;
  all.push_back(train_command());
  all.push_back(evaluate_command());
  all.push_back(callbacks_command());
  all.push_back(operators_command());
  all.push_back(log_command());
  all.push_back(watch_command());
  all.push_back(info_command());
  return all;
}

}  // namespace sidestep
