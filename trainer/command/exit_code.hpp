#pragma once

namespace sidestep {

/// What `sidestep` ends with. (130 and 143: interrupted by SIGINT or SIGTERM, with a checkpoint.)
enum ExitCode : int {
  exit_well = 0,
  exit_bad_input = 2,   ///< nothing begun
  exit_incomplete = 3,  ///< finished, but something failed: a callback, a full disk
  exit_broken_off = 4   ///< the last whole checkpoint stays
};

}  // namespace sidestep
