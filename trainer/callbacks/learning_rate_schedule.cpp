#include <sidestep/trainer/callbacks/arguments.hpp>
#include <sidestep/trainer/callbacks/error.hpp>
#include <sidestep/trainer/callbacks/learning_rate_schedule.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sidestep {

Decisions LearningRateScheduleRule::operator()(const FitBegin& begin) const {
  SetSchedule set{.schedule = schedule, .reason = "the run begins"};
  // A run that is cut short goes on some day: the epochs that were asked for count, where they are known.
  const Step whole = begin.epochs * begin.steps_per_epoch > 0 ? begin.epochs * begin.steps_per_epoch : begin.last_step;
  if (set.schedule.length == 0) set.schedule.length = std::max<Step>(1, whole - set.schedule.warmup);
  return Decisions{}.ask(set);
}

namespace {

constexpr double highest_rate = 1000;

void check_schedule(const Schedule& s) {
  const auto refuse = [](std::string_view option, auto value, std::string_view mend) {
    throw CallbackError(fmt::format("learning_rate_schedule: {}={} is out of range. Say {}.", option, value, mend));
  };
  const auto number = [](double x) { return std::isfinite(x) && x >= 0; };
  if (!number(s.base) || s.base == 0 || s.base > highest_rate) refuse("lr", s.base, "a number above 0, at most 1000");
  if (s.warmup < 0) refuse("warmup", s.warmup, "a number of steps from 0");
  if (!number(s.warmup_from) || s.warmup_from > 1) refuse("warmup_from", s.warmup_from, "a share from 0 to 1");
  if (!number(s.factor) || s.factor > 1) refuse("factor", s.factor, "a number from 0 to 1");
  if (s.every < 1) refuse("every", s.every, "a number of steps from 1");
  if (s.length < 0) refuse("length", s.length, "a number of steps, or 0 for the whole run");
  if (!number(s.floor) || s.floor > s.base) refuse("floor", s.floor, "a rate from 0 to lr");
}

std::string settings_of(const Schedule& s, const std::string& lr) {
  return fmt::format("shape={},lr={},warmup={},warmup_from={},factor={},every={},length={},floor={}",
                     static_cast<int>(s.shape), lr, s.warmup, s.warmup_from, s.factor, s.every, s.length, s.floor);
}

}  // namespace

Callback learning_rate_schedule(Schedule s) {
  check_schedule(s);
  return {"learning_rate_schedule", settings_of(s, fmt::to_string(s.base)),
          [s](CallbackContext& run) { run.at_begin.push_back(LearningRateScheduleRule{s}); }};
}

namespace {

/// With the rate that the run was asked for, which is known when it is hung on.
Callback schedule_at_the_runs_rate(Schedule s) {
  s.base = highest_rate;
  check_schedule(s);  // what is wrong whatever the rate
  return {"learning_rate_schedule", settings_of(s, ""), [s](CallbackContext& run) mutable {
            if (!run.learning_rate)
              throw CallbackError(fmt::format("{}: this loop has no rate of its own. Say lr.", run.name));
            s.base = *run.learning_rate;
            check_schedule(s);
            run.at_begin.push_back(LearningRateScheduleRule{s});
          }};
}

constexpr CallbackOption learning_rate_schedule_options[] = {
    {"shape", "constant|step|cosine", "cosine", "how the rate goes behind the warm-up"},
    {"lr", "number", "", "the rate at the end of the warm-up; by default the run's, --lr"},
    {"warmup", "integer", "0", "steps in which the rate climbs to lr in a straight line"},
    {"warmup_from", "number", "0", "the share of lr at which that begins"},
    {"factor", "number", "0.1", "step: what the rate is multiplied by, 0 to 1"},
    {"every", "integer", "1000", "step: after how many steps each time; in --schedule it counts epochs"},
    {"length", "integer", "0", "cosine: steps until it has fallen; 0: the whole run"},
    {"floor", "number", "0", "cosine: the rate to which it falls"}};

Callback make_learning_rate_schedule(const CallbackArguments& given) {
  Schedule s{.base = 1, .every = 1000, .length = 0};
  std::optional<double> lr;
  s.shape = static_cast<Schedule::Shape>(given.one_of("shape", {"constant", "step", "cosine"}, 2));
  given.number("lr", lr).integer("warmup", s.warmup, 0).number("warmup_from", s.warmup_from);
  given.number("factor", s.factor).integer("every", s.every, 1).integer("length", s.length, 0).number("floor", s.floor);
  if (!lr) return schedule_at_the_runs_rate(s);
  s.base = *lr;
  return learning_rate_schedule(s);
}

}  // namespace

constinit const CallbackEntry learning_rate_schedule_entry{
    .name = "learning_rate_schedule",
    .summary = "constant, step or cosine, with a warm-up",
    .options = learning_rate_schedule_options,
    .make = make_learning_rate_schedule,
};

}  // namespace sidestep
