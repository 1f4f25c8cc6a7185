#pragma once

#include <sidestep/bus/events.hpp>
#include <sidestep/trainer/callbacks/entry.hpp>
#include <sidestep/trainer/control/callback.hpp>
#include <sidestep/trainer/control/decision.hpp>
#include <sidestep/trainer/control/schedule.hpp>

namespace sidestep {

/// Hands the loop a schedule, once, right behind FitBegin: the loop computes the rate of each step by itself, without
/// lag, from the first on. A cosine without a length falls over the whole run. A resumed run has its schedule from the
/// checkpoint.
///
///   learning_rate_schedule({.shape = Schedule::Shape::cosine, .base = 2e-3, .warmup = 200, .length = 0})
///
/// Throws CallbackError: a rate, a length or a factor out of range.
Callback learning_rate_schedule(Schedule schedule);
extern const CallbackEntry learning_rate_schedule_entry;  ///< its row in the registry

/// What learning_rate_schedule does at the run's beginning.
struct LearningRateScheduleRule {
  Schedule schedule;
  Decisions operator()(const FitBegin& begin) const;
};

}  // namespace sidestep
