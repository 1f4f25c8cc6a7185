#include "callbacks/fake_run.hpp"
#include "scratch_folder.hpp"

#include <sidestep/trainer/callbacks/error.hpp>
#include <sidestep/trainer/callbacks/learning_rate_schedule.hpp>
#include <sidestep/trainer/callbacks/registry.hpp>

#include <gtest/gtest.h>

#include <cmath>

namespace sidestep::test {
namespace {

TEST(LearningRateSchedule, HandsOverTheScheduleOnce) {
  const Schedule schedule{.shape = Schedule::Shape::step, .base = 0.4, .factor = 0.5, .every = 5};
  FakeRun run{.callbacks = {learning_rate_schedule(schedule)}};
  run.go();
  ASSERT_EQ(run.decisions.size(), 1u);
  EXPECT_EQ(run.decisions[0].decision, "set_schedule");
  for (Step step = 1; step <= 20; ++step)
    EXPECT_EQ(run.rates[static_cast<std::size_t>(step) - 1], schedule.at(step)) << step;
}

TEST(LearningRateSchedule, ACosineWithoutALengthFallsOverTheWholeRun) {
  const LearningRateScheduleRule rule{{.shape = Schedule::Shape::cosine, .base = 1, .warmup = 10, .length = 0}};
  const auto length = [&](Step last) {
    return rule(FitBegin{.last_step = last}).all()[0].get_if<SetSchedule>()->schedule.length;
  };
  EXPECT_EQ(length(110), 100);
  EXPECT_EQ(length(5), 1);
  // cut short by a number of steps, and gone on with later: as if it had never stopped
  const FitBegin cut{.steps_per_epoch = 37, .last_step = 20, .epochs = 3};
  EXPECT_EQ(rule(cut).all()[0].get_if<SetSchedule>()->schedule.length, 3 * 37 - 10);
}

TEST(LearningRateSchedule, ByDefaultItsRateIsTheRunsOwn) {
  const auto of = [](const char* spec) { return std::vector<Callback>{make_callback(parse_spec(spec))}; };
  FakeRun run{.callbacks = of("learning_rate_schedule:shape=step,every=10,factor=0.5"), .asked_rate = 0.25};
  run.go();
  EXPECT_EQ(run.rates.front(), 0.25);
  EXPECT_EQ(run.rates.back(), 0.125);
  FakeRun told{.callbacks = of("learning_rate_schedule:shape=constant,lr=0.75"), .asked_rate = 0.25};
  told.go();
  EXPECT_EQ(told.rates.back(), 0.75);
  FakeRun none{.callbacks = of("learning_rate_schedule")};
  EXPECT_EQ(complaint<CallbackError>([&] { none.go(); }),
            "learning_rate_schedule: this loop has no rate of its own. Say lr.");
  FakeRun low{.callbacks = of("learning_rate_schedule:floor=0.5"), .asked_rate = 0.25};
  EXPECT_EQ(complaint<CallbackError>([&] { low.go(); }),
            "learning_rate_schedule: floor=0.5 is out of range. Say a rate from 0 to lr.");
}

TEST(LearningRateSchedule, RefusesWhatCannotBe) {
  const auto refused = [](const Schedule& s) { return complaint<CallbackError>([&] { learning_rate_schedule(s); }); };
  EXPECT_EQ(refused({.base = 0}), "learning_rate_schedule: lr=0 is out of range. Say a number above 0, at most 1000.");
  EXPECT_NE(refused({.base = std::nan("")}), "");
  EXPECT_NE(refused({.base = 1, .warmup = -1}), "");
  EXPECT_NE(refused({.base = 1, .warmup_from = 2}), "");
  EXPECT_EQ(refused({.base = 1, .factor = 3}),
            "learning_rate_schedule: factor=3 is out of range. Say a number from 0 to 1.");
  EXPECT_NE(refused({.base = 1, .factor = -0.5}), "");
  EXPECT_EQ(refused({.base = 1, .factor = 0}), "") << "as --schedule step:by=0";
  EXPECT_NE(refused({.base = 1, .every = 0}), "");
  EXPECT_NE(refused({.base = 1, .length = -1}), "");
  EXPECT_NE(refused({.base = 1, .floor = 2}), "");
}

}  // namespace
}  // namespace sidestep::test
