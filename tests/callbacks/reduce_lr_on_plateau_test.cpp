#include "callbacks/fake_run.hpp"
#include "callbacks/looks.hpp"
#include "scratch_folder.hpp"

#include <sidestep/trainer/callbacks/reduce_lr_on_plateau.hpp>

#include <gtest/gtest.h>

#include <cmath>

namespace sidestep::test {
namespace {

/// The learning rate behind each epoch, as the loop would have it.
std::vector<double> rates(const ReduceLrOnPlateauOptions& options, const std::vector<double>& values, double rate = 1) {
  ReduceLrOnPlateauRule rule(options, "reduce_lr_on_plateau");
  std::vector<double> result;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (const auto scale = rule(look_at(static_cast<Epoch>(i) + 1, values[i], rate)))
      rate = std::min(rate, std::max(rate * scale->by, scale->min_lr));
    result.push_back(rate);
  }
  return result;
}

// The rates are those of keras.callbacks.ReduceLROnPlateau (3.x) behind each epoch.
TEST(ReduceLrOnPlateau, LowersTheRateWhereKerasLowersIt) {
  int row = 0;
  const auto lowers = [&](const ReduceLrOnPlateauOptions& options, const std::vector<double>& values,
                          const std::vector<double>& expected) {
    const std::vector<double> got = rates(options, values);
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t e = 0; e < got.size(); ++e)
      EXPECT_DOUBLE_EQ(got[e], expected[e]) << "row " << row << " epoch " << e + 1;
    ++row;
  };
  lowers({.factor = 0.5, .patience = 1}, {1, 1, 1, 0.5, 0.5}, {1, 0.5, 0.25, 0.25, 0.125});
  lowers({.factor = 0.5, .patience = 2}, {1, 1, 1, 1, 1}, {1, 1, 0.5, 0.5, 0.25});
  lowers({.factor = 0.5, .patience = 0}, {1, 1, 1}, {1, 0.5, 0.25});
  lowers({.factor = 0.5, .patience = 1}, {1, 0.99995, 0.9998}, {1, 0.5, 0.5});  // min_delta is 1e-4
  lowers({.factor = 0.5, .patience = 1, .cooldown = 2}, {1, 1, 1, 1, 1, 1}, {1, 0.5, 0.5, 0.25, 0.25, 0.125});
  lowers({.factor = 0.5, .patience = 1, .cooldown = 3}, {1, 1, 1, 1, 1, 1}, {1, 0.5, 0.5, 0.5, 0.25, 0.25});
  lowers({.factor = 0.1, .patience = 1, .min_lr = 0.05}, {1, 1, 1, 1}, {1, 0.1, 0.05, 0.05});
  lowers({.monitor = "val/accuracy", .factor = 0.5, .patience = 1}, {0.5, 0.6, 0.6}, {1, 1, 0.5});
  lowers({.factor = 0.5, .patience = 1}, {std::nan(""), std::nan("")}, {0.5, 0.25});
}

TEST(ReduceLrOnPlateau, CutAnywhereAndRestoredItDecidesTheSame) {
  const std::vector<double> values{1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.4, 0.4, 0.4};
  const ReduceLrOnPlateauOptions options{.patience = 2, .cooldown = 1};
  for (std::size_t cut = 0; cut <= values.size(); ++cut) {
    ReduceLrOnPlateauRule whole(options, "a"), before(options, "a"), after(options, "a");
    for (std::size_t i = 0; i < cut; ++i) (void)before(look_at(static_cast<Epoch>(i) + 1, values[i]));
    hand_over(before, after);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Look look = look_at(static_cast<Epoch>(i) + 1, values[i]);
      const auto expected = whole(look);
      if (i >= cut) {
        EXPECT_EQ(after(look).has_value(), expected.has_value()) << "cut " << cut << " at " << i;
      }
    }
  }
}

TEST(ReduceLrOnPlateau, ByBatchesTakesEffectExactlyKStepsLater) {
  FakeRun run{
      .callbacks = {reduce_lr_on_plateau({.monitor = "batch/loss", .factor = 0.5, .patience = 1, .at = batches(4)})}};
  run.loss = [](Step) { return 1.0; };
  run.go();
  EXPECT_EQ(run.failures, std::vector<std::string>{});
  EXPECT_EQ(run.table(),
            "scale_learning_rate reduce_lr_on_plateau 8->10\nscale_learning_rate reduce_lr_on_plateau 12->14\n"
            "scale_learning_rate reduce_lr_on_plateau 16->18\n");
  EXPECT_EQ(run.rates[9], 1);
  EXPECT_EQ(run.rates[10], 0.5);
  EXPECT_EQ(run.decisions[0].reason, "batch/loss 1, best 1: not improved by min_delta 0.0001 for 1 look");
}

TEST(ReduceLrOnPlateau, SaysNanWhateverItsSignAndNoBestWhereThereWasNone) {
  FakeRun run{.callbacks = {reduce_lr_on_plateau({.patience = 2, .min_delta = 0})}};
  run.val_loss = [](Epoch) { return -std::nan(""); };
  run.go();
  ASSERT_FALSE(run.decisions.empty());
  EXPECT_EQ(run.decisions[0].reason, "val/loss nan, best none: not improved for 2 looks");
}

TEST(ReduceLrOnPlateau, RefusesWhatCannotBe) {
  EXPECT_EQ(complaint<CallbackError>([] { reduce_lr_on_plateau({.factor = 1}); }),
            "reduce_lr_on_plateau: factor=1 doesn't reduce. Say a number between 0 and 1.");
  EXPECT_NE(complaint<CallbackError>([] { reduce_lr_on_plateau({.patience = -1}); }), "");
  EXPECT_NE(complaint<CallbackError>([] { reduce_lr_on_plateau({.cooldown = -1}); }), "");
  EXPECT_NE(complaint<CallbackError>([] { reduce_lr_on_plateau({.min_lr = -1}); }), "");
  EXPECT_NE(complaint<CallbackError>([] { reduce_lr_on_plateau({.at = batches(-2)}); }), "");
}

}  // namespace
}  // namespace sidestep::test
