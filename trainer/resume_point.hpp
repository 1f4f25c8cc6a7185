#pragma once
#include <optional>

#include <sidestep/trainer/control/checkpoint.hpp>
#include <sidestep/trainer/trainer_parts.hpp>

namespace sidestep::detail {

/// Where a run begins: at its first step, or where a checkpoint was cut.
struct ResumePoint {
  TrainerState state;
  KeptByOwner kept;
  double seconds_under_way = 0;               ///< of the epoch's steps that are done, as far as known
  std::optional<CheckpointState> checkpoint;  ///< none: at the first step
};

/// Brings the session to where the run begins: fresh weights, or those of checkpoints/last.safetensors. Throws
/// CheckpointError if that isn't a whole checkpoint of this run; then the session is as it was.
ResumePoint begin_or_resume(TrainerParts& parts, const FitOptions& where);

}  // namespace sidestep::detail
