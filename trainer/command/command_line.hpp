#pragma once
#include <string>
#include <vector>

#include <sidestep/trainer/command/subcommand.hpp>

namespace sidestep {

/// `sidestep ARGUMENTS...`: does what is asked and returns the exit code. Bad input is one sentence on `err`, with the
/// nearest right name where a name was wrong.
int run_command_line(const std::vector<std::string>& arguments, Streams streams);

}  // namespace sidestep
