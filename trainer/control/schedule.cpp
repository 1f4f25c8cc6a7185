#include <sidestep/trainer/control/schedule.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sidestep {

double Schedule::at(Step step) const noexcept {
  if (step <= warmup) {
    if (warmup <= 1) return base;
    const double share = static_cast<double>(std::max<Step>(step, 1) - 1) / static_cast<double>(warmup - 1);
    return base * (warmup_from + (1 - warmup_from) * share);
  }
  const Step t = step - warmup - 1;  // 0 at the first step behind the warm-up
  switch (shape) {
    case Shape::constant:
      return base;
    case Shape::step:
      return base * std::pow(factor, static_cast<double>(t / std::max<Step>(every, 1)));
    case Shape::cosine: {
      const double share = std::min(1.0, static_cast<double>(t) / static_cast<double>(std::max<Step>(length, 1)));
      return floor + (base - floor) * 0.5 * (1 + std::cos(std::numbers::pi * share));
    }
  }
  return base;
}

}  // namespace sidestep
