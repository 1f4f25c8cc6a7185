#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sidestep/kernels/session.hpp>
#include <sidestep/trainer/tensors.hpp>
#include <sidestep/trainer/trainer.hpp>
#include <sidestep/trainer/trainer_state.hpp>

namespace sidestep::detail {

/// What a Trainer is made of; runs of it share this.
struct TrainerParts {
  TrainerParts(Model model, Dataset data, TrainerOptions options);

  void make_session(const std::string& algorithms);
  /// Makes the data known to the session, normalised so.
  void attach_data(PixelStatistics statistics);
  Score score(kernels::DataId samples, std::size_t count) const;
  RunIdentity identity() const;

  Model model;
  Dataset data;
  TrainerOptions options;
  std::string backend;
  int threads;
  std::size_t run_ahead;  ///< steps that the session takes on behind the one whose record is awaited
  Samples train_samples;  ///< those that --limit-train leaves
  std::unique_ptr<kernels::Session> session;
  PixelStatistics pixels;
  kernels::DataId train{}, validation{}, test{};
  std::vector<std::function<void(Loop&)>> handlers;  ///< of the user's own decisions
};

}  // namespace sidestep::detail
