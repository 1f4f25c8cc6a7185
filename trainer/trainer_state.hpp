#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <sidestep/bus/types.hpp>
#include <sidestep/trainer/data/dataset.hpp>
#include <sidestep/trainer/learning_rate.hpp>
#include <sidestep/trainer/training_report.hpp>

namespace sidestep {

/// What was added up over the steps of the epoch that is under way, in the order of the steps.
struct RunningSums {
  double loss = 0;  ///< mean of a batch x its samples
  std::int64_t correct = 0;
  std::int64_t samples = 0;

  Score score() const noexcept;
  friend bool operator==(const RunningSums&, const RunningSums&) = default;
};

/// What has to be the same for a run to go on.
struct RunIdentity {
  std::string model;
  std::string optimizer;
  std::uint64_t seed = 0;
  std::int64_t batch_size = 0;
  std::int64_t train_samples = 0;
  double lr = 0;         ///< as first asked for
  std::string schedule;  ///< likewise
  friend bool operator==(const RunIdentity&, const RunIdentity&) = default;
};

/// The trainer's own part of a checkpoint, besides tensors. The order of the data follows from seed, epoch and batch,
/// so these are the random state too.
struct TrainerState {
  RunIdentity run;
  PixelStatistics pixels;  ///< with which images are normalised
  Step step = 0;           ///< the last that is done
  Epoch epoch = 1;         ///< under way, or next if `batch` is 0
  std::int32_t batch = 0;  ///< the last of the epoch that is done
  RunningSums sums;
  LearningRate learning_rate;
  double last_rate = 0;              ///< with which `step` was done
  std::vector<EpochResult> epochs;   ///< those that are over; without wall times
  std::string algorithms;            ///< that the backend has chosen; empty: there was no choice
  std::map<std::string, Step> kept;  ///< owner of kept weights: the step that caused it

  /// JSON; equal states have equal texts, numbers are exact.
  std::string to_text() const;
  /// Throws CheckpointError; `where` names the file in it.
  static TrainerState from_text(std::string_view text, std::string_view where);
};

/// Under this name it stands in a checkpoint's metadata.
inline constexpr const char* trainer_key = "trainer";

}  // namespace sidestep
