#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include <sidestep/bus/types.hpp>
#include <sidestep/trainer/config.hpp>

namespace sidestep {

/// How a run that is over ended.
struct FinishedRun {
  Step step = 0;                       ///< its last
  std::string stopped_by{}, reason{};  ///< of the Stop that took effect there; empty: it came to its end
  bool diverged = false;               ///< its loss was NaN or infinite: its weights are worth nothing
};

/// From its report.json. Nothing: it isn't over (interrupted, broken off, killed before that report was written), or
/// its last checkpoint, that of `checkpoint`, isn't its end.
std::optional<FinishedRun> read_finished_run(const std::filesystem::path& report, Step checkpoint);

/// What was asked of a run, or is now.
struct Asked {
  std::int64_t epochs = 0;
  std::optional<std::int64_t> max_steps{};
};

/// What `more` leaves to do, behind `run` of which `before` was asked; `batches` make an epoch. Nothing: there is work
/// to do. Else the rest of a sentence: how it ended, that nothing is to be done, and which option trains on. A run that
/// was stopped goes on only where more is asked of it than before, and one that has diverged learns nothing by it.
std::optional<std::string> nothing_to_do(const FinishedRun& run, const Asked& before, const Asked& more, Step batches);

}  // namespace sidestep
