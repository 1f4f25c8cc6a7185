#pragma once
#include <sidestep/bus/types.hpp>
#include <sidestep/trainer/control/schedule.hpp>

namespace sidestep {

/// The learning rate of each step: schedule(step) x factor. Whoever schedules sets the one, whoever scales the other,
/// so a drop on a plateau doesn't end a schedule.
struct LearningRate {
  Schedule schedule{};
  double factor = 1;

  double at(Step step) const noexcept { return schedule.at(step) * factor; }

  /// Ends any schedule and scaling.
  void set(double rate) noexcept {
    schedule = {.base = rate};
    factor = 1;
  }
  /// Multiplies the factor, but no further down than to a rate of `min_lr` at `step`, where it begins to act. Never
  /// raises the rate.
  void scale(double by, double min_lr, Step step) noexcept;

  friend bool operator==(const LearningRate&, const LearningRate&) = default;
};

}  // namespace sidestep
