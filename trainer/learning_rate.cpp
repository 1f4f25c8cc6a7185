#include <sidestep/trainer/learning_rate.hpp>

#include <algorithm>

namespace sidestep {

void LearningRate::scale(double by, double min_lr, Step step) noexcept {
  if (!(by >= 0 && by < 1)) return;
  const double planned = schedule.at(step);
  double scaled = factor * by;
  if (planned > 0 && planned * scaled < min_lr) scaled = min_lr / planned;
  factor = std::min(factor, scaled);
}

}  // namespace sidestep
