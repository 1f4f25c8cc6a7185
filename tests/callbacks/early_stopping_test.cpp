#include "callbacks/fake_run.hpp"
#include "callbacks/looks.hpp"
#include "scratch_folder.hpp"

#include <sidestep/trainer/callbacks/early_stopping.hpp>

#include <gtest/gtest.h>

#include <cmath>

namespace sidestep::test {
namespace {

bool asks_stop(const Decisions& asked) {
  for (const Decision& one : asked.all())
    if (one.get_if<Stop>() != nullptr) return true;
  return false;
}

/// The epoch at which the run stops; 0: never.
Epoch stops_at(const EarlyStoppingOptions& options, const std::vector<double>& values) {
  EarlyStoppingRule rule(options, "early_stopping");
  for (std::size_t i = 0; i < values.size(); ++i)
    if (asks_stop(rule(look_at(static_cast<Epoch>(i) + 1, values[i])))) return static_cast<Epoch>(i) + 1;
  return 0;
}

const double nan = std::nan("");

// The epochs are those that keras.callbacks.EarlyStopping (3.x) stops at, counted from 1.
TEST(EarlyStopping, StopsAtTheEpochThatKerasStopsAt) {
  int row = 0;
  const auto stops = [&](const EarlyStoppingOptions& options, const std::vector<double>& values, Epoch epoch) {
    EXPECT_EQ(stops_at(options, values), epoch) << "row " << row;
    ++row;
  };
  stops({}, {1, 0.9, 0.8, 0.7}, 0);
  stops({}, {1, 0.9, 0.9}, 3);           // equal is no improvement
  stops({}, {nan, nan}, 2);              // never in the very first epoch
  stops({.patience = 1}, {1, 2, 3}, 2);  // patience 0 and 1 are the same
  stops({.patience = 2}, {1, 2, 3}, 3);
  stops({.patience = 3}, {1, 0.9, 0.95, 0.91, 0.92, 0.5}, 5);
  stops({.patience = 3}, {1, 0.9, 0.95, 0.91, 0.89, 0.9, 0.9, 0.9}, 8);     // an improvement begins it anew
  stops({.min_delta = 0.1, .patience = 2}, {1, 0.95, 0.92, 0.5}, 3);        // too small to count
  stops({.min_delta = 0.1, .patience = 2}, {1, 0.95, 0.85, 0.8, 0.74}, 0);  // measured from the best, not the last
  stops({.monitor = "val/accuracy", .patience = 1}, {0.5, 0.6, 0.6}, 3);    // auto: an accuracy rises
  stops({.monitor = "val/loss", .patience = 1, .mode = Max}, {1, 0.9}, 2);
  stops({.patience = 2, .baseline = 0.5}, {1, 0.9, 0.8, 0.7}, 0);  // improving, though not beyond the baseline
  stops({.patience = 2, .baseline = 0.5}, {1, 0.9, 0.95}, 3);      // but the first that doesn't stops it
  stops({.patience = 2, .baseline = 0.95}, {1, 0.9, 0.92, 0.91}, 4);
  stops({.patience = 1, .start_from_epoch = 3}, {1, 2, 3, 4, 5}, 5);
  stops({.patience = 2}, {1, nan, 0.5, nan, nan}, 5);  // NaN is never an improvement
}

TEST(EarlyStopping, AnEpochWithoutTheMetricDoesNotCount) {
  EarlyStoppingRule rule({.patience = 1}, "early_stopping");
  EXPECT_FALSE(asks_stop(rule(look_at(1, 1.0))));
  EXPECT_FALSE(asks_stop(rule({.kind = Look::Kind::look, .came = false, .step = 20, .epoch = 2})));
  EXPECT_TRUE(asks_stop(rule(look_at(3, 1.0))));
}

TEST(EarlyStopping, KeepsTheFirstAndEachBetterAndBringsBackTheBest) {
  EarlyStoppingRule rule({.patience = 2, .restore_best_weights = true}, "early_stopping");
  const auto keeps = [&](Epoch epoch, double value) {
    const Decisions asked = rule(look_at(epoch, value));
    return !asked.empty() && asked.all()[0].get_if<KeepWeights>() != nullptr;
  };
  EXPECT_TRUE(keeps(1, nan));
  EXPECT_TRUE(keeps(2, 0.9));
  EXPECT_FALSE(keeps(3, 0.95));
  const Decisions at_end = rule({.kind = Look::Kind::end, .step = 30, .epoch = 3});
  ASSERT_EQ(at_end.all().size(), 1u);
  const auto* restore = at_end.all()[0].get_if<RestoreBest>();
  ASSERT_NE(restore, nullptr);
  EXPECT_EQ(restore->cause_step, 20);
  EXPECT_EQ(restore->owner.view(), "early_stopping");
}

TEST(EarlyStopping, CutAnywhereAndRestoredItDecidesTheSame) {
  const std::vector<double> values{1, 0.9, 0.95, 0.91, 0.89, 0.9, 0.9, 0.9, 0.9, 0.9};
  const EarlyStoppingOptions options{.patience = 3, .baseline = 0.95, .restore_best_weights = true};
  for (std::size_t cut = 0; cut <= values.size(); ++cut) {
    EarlyStoppingRule whole(options, "a"), before(options, "a"), after(options, "a");
    for (std::size_t i = 0; i < cut; ++i) (void)before(look_at(static_cast<Epoch>(i) + 1, values[i]));
    hand_over(before, after);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Look look = look_at(static_cast<Epoch>(i) + 1, values[i]);
      const Decisions expected = whole(look);
      if (i < cut) continue;
      const Decisions asked = after(look);
      ASSERT_EQ(asked.all().size(), expected.all().size()) << "cut " << cut << " at " << i;
      for (std::size_t d = 0; d < asked.all().size(); ++d)
        EXPECT_TRUE(std::ranges::equal(asked.all()[d].bytes(), expected.all()[d].bytes()));
    }
  }
}

TEST(EarlyStopping, StopsARunAndSaysWhy) {
  ScratchFolder folder;
  FakeRun run{.callbacks = {early_stopping({.patience = 2, .restore_best_weights = true})}, .folder = folder.path()};
  run.steps = 50;
  run.val_loss = [](Epoch epoch) { return epoch <= 2 ? 1.0 / epoch : 0.6; };
  run.go();
  EXPECT_EQ(run.failures, std::vector<std::string>{});
  EXPECT_EQ(run.last_step, 20);
  EXPECT_EQ(run.table(),
            "keep_weights early_stopping 5->5\nkeep_weights early_stopping 10->10\nstop early_stopping 20->20\n"
            "restore_best early_stopping 20->20\n");
  EXPECT_EQ(run.weight, 10);
  ASSERT_EQ(run.decisions.size(), 4u);
  EXPECT_EQ(run.decisions[2].reason, "val/loss has not improved for 2 epochs: best 0.5 at epoch 2");
}

TEST(EarlyStopping, SaysThatItWasMinDeltaThatWasMissed) {
  FakeRun run{.callbacks = {early_stopping({.min_delta = 0.05, .patience = 2})}};
  run.val_loss = [](Epoch epoch) { return 1 - 0.02 * epoch; };  // falling all the time
  run.go();
  ASSERT_EQ(run.decisions.size(), 1u);
  EXPECT_EQ(run.decisions[0].reason, "val/loss has not improved by min_delta 0.05 for 2 epochs: best 0.98 at epoch 1");
}

TEST(EarlyStopping, SaysNanWhateverItsSign) {
  ScratchFolder folder;
  FakeRun run{.callbacks = {early_stopping({.restore_best_weights = true})}, .folder = folder.path()};
  run.val_loss = [](Epoch) { return -std::nan(""); };
  run.go();
  ASSERT_FALSE(run.decisions.empty());
  EXPECT_EQ(run.decisions.front().reason, "val/loss is nan");
  EXPECT_EQ(run.decisions.back().reason, "val/loss never was finite; kept at step 5");
}

TEST(EarlyStopping, ByBatchesAsksOnceUntilItsStopHasTakenEffect) {
  FakeRun run{.callbacks = {early_stopping({.monitor = "batch/loss", .patience = 2, .at = batches(1)})}};
  run.loss = [](Step) { return 1.0; };
  run.sync = lag(4);
  run.go();
  EXPECT_EQ(run.table(), "stop early_stopping 3->7\n");
  EXPECT_EQ(run.last_step, 7);
}

TEST(EarlyStopping, WhatIsBestInTheLastStepsIsSaidAndNotRefused) {
  FakeRun run{.callbacks = {early_stopping(
                  {.monitor = "batch/loss", .patience = 50, .restore_best_weights = true, .at = batches(1)})}};
  run.go();
  EXPECT_TRUE(run.table().ends_with("keep_weights early_stopping 18->20\n")) << run.table();
  EXPECT_EQ(run.weight, 20);
  ASSERT_EQ(run.warnings.size(), 1u);
  EXPECT_NE(run.warnings[0].find("early_stopping: its best was at step 20"), std::string::npos) << run.warnings[0];
}

TEST(EarlyStopping, RefusesWhatCannotBe) {
  EXPECT_EQ(complaint<CallbackError>([] { early_stopping({.patience = -1}); }),
            "early_stopping: patience=-1 is negative. Say 0 or more.");
  EXPECT_EQ(
      complaint<CallbackError>([] { early_stopping({.monitor = "val/quux"}); }),
      "early_stopping: whether a smaller or a greater 'val/quux' is better can't be told from its name. Say mode=min "
      "or mode=max.");
  EXPECT_NE(complaint<CallbackError>([] { early_stopping({.min_delta = std::nan("")}); }), "");
  EXPECT_NE(complaint<CallbackError>([] { early_stopping({.monitor = ""}); }), "");
}

}  // namespace
}  // namespace sidestep::test
