#include "callbacks/fake_run.hpp"

#include <sidestep/trainer/callbacks/terminate_on_nan.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sidestep::test {
namespace {

TEST(TerminateOnNan, StopsOnceAndSaysAtWhichStep) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    FakeRun run{.callbacks = {terminate_on_nan()}};
    run.loss = [bad](Step step) { return step >= 7 ? bad : 1.0; };
    run.go();
    EXPECT_EQ(run.table(), "stop terminate_on_nan 7->9\n");
    EXPECT_EQ(run.last_step, 9);
    EXPECT_EQ(run.decisions.at(0).reason.substr(0, 22), "the loss of step 7 is ");
  }
}

TEST(TerminateOnNan, SaysNanWhateverItsSign) {
  for (const double sign : {1.0, -1.0}) {
    FakeRun run{.callbacks = {terminate_on_nan()}};
    run.loss = [sign](Step step) { return step >= 7 ? std::copysign(std::nan(""), sign) : 1.0; };
    run.go();
    EXPECT_EQ(run.decisions.at(0).reason, "the loss of step 7 is nan");
  }
}

TEST(TerminateOnNan, FiniteLossesAreNoReason) {
  FakeRun run{.callbacks = {terminate_on_nan()}};
  run.go();
  EXPECT_EQ(run.table(), "");
}

}  // namespace
}  // namespace sidestep::test
