#pragma once

#include <sidestep/bus/types.hpp>

namespace sidestep {

/// A learning rate as a pure function of the step: plain numbers, so that it can travel in a decision and wait in a
/// checkpoint.
///
/// Steps 1..warmup climb in a straight line from `base * warmup_from` to `base`; behind them, with t = 0, 1, 2 ...:
///   constant  base
///   step      base * factor^floor(t / every)
///   cosine    from base to `floor` over `length` steps, then `floor` (Loshchilov and Hutter, SGDR, 2017, without
///   restarts)
struct Schedule {
  enum class Shape : std::int64_t { constant, step, cosine };

  Shape shape = Shape::constant;
  double base = 0;
  Step warmup = 0;
  double warmup_from = 0;
  double factor = 0.1;  ///< step
  Step every = 1;       ///< step
  Step length = 1;      ///< cosine: steps without the warm-up
  double floor = 0;     ///< cosine

  /// The rate of this step (the first is 1).
  double at(Step step) const noexcept;
  friend bool operator==(const Schedule&, const Schedule&) = default;
};

}  // namespace sidestep
