#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sidestep/trainer/control/checkpoint.hpp>
#include <sidestep/trainer/trainer_parts.hpp>

namespace sidestep::detail {

/// Where a run begins: at its first step, or where a checkpoint was cut.
struct ResumePoint {
  TrainerState state;
  KeptByOwner kept;
  double seconds_under_way = 0;               ///< of the epoch's steps that are done, as far as known
  std::optional<CheckpointState> checkpoint;  ///< none: at the first step
  std::filesystem::path file;                 ///< that it stands in
  std::vector<std::string> warnings;          ///< sentences for the user
};

/// Brings the session to where the run begins: fresh weights, or those of checkpoints/last.safetensors; where a run
/// that was killed has none yet, those of the newest of its other checkpoints that is whole. Throws CheckpointError if
/// `last` isn't a whole checkpoint of this run; then the session is as it was. Another that isn't is passed over, with
/// a warning.
ResumePoint begin_or_resume(TrainerParts& parts, const FitOptions& where);

}  // namespace sidestep::detail
