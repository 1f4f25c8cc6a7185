#include "callbacks/fake_run.hpp"
#include "callbacks/looks.hpp"
#include "scratch_folder.hpp"

#include <sidestep/trainer/callbacks/early_stopping.hpp>
#include <sidestep/trainer/callbacks/model_checkpoint.hpp>
#include <sidestep/trainer/callbacks/monitor.hpp>
#include <sidestep/trainer/callbacks/reduce_lr_on_plateau.hpp>

#include <gtest/gtest.h>

#include <cstring>

namespace sidestep::test {
namespace {

/// Takes what a stage emits.
struct Collect {
  std::vector<Look>* looks;
  void operator()(const Look& look) const { looks->push_back(look); }
};

/// A monitor, fed with events by hand.
struct Fed {
  Monitor monitor;
  std::vector<Look> looks{};

  template <Event E>
  void operator()(const E& event) {
    Slot slot{};
    slot.type = E::id;
    std::memcpy(slot.body, &event, sizeof event);
    monitor(Monitor::In(slot), Collect{&looks});
  }
  void metric(std::string_view name, double value) { (*this)(Metric{.value = value, .metric = intern(name)}); }
};

TEST(Monitor, LooksAtTheEndsOfWholeEpochsOnly) {
  Fed feed{Monitor("val/loss", epoch_end, "test")};
  feed.metric("val/loss", 3);
  feed(BatchEnd{.step = 5, .learning_rate = 0.25, .epoch = 1});
  feed.metric("val/loss", 2);
  feed(EpochEnd{.step = 5, .epoch = 1});
  feed.metric("val/loss", 1);
  feed(EpochEnd{.step = 7, .epoch = 2, .partial = true});
  ASSERT_EQ(feed.looks.size(), 1u);
  EXPECT_TRUE(feed.looks[0].came);
  EXPECT_EQ(feed.looks[0].value, 2);
  EXPECT_EQ(feed.looks[0].step, 5);
  EXPECT_EQ(feed.looks[0].learning_rate, 0.25);
}

TEST(Monitor, AValueIsLookedAtOnce) {
  Fed feed{Monitor("val/loss", epoch_end, "test")};
  feed.metric("val/loss", 2);
  feed(EpochEnd{.step = 5, .epoch = 1});
  feed(EpochEnd{.step = 10, .epoch = 2});
  ASSERT_EQ(feed.looks.size(), 2u);
  EXPECT_FALSE(feed.looks[1].came);
}

TEST(Monitor, LooksEveryNBatches) {
  Fed feed{Monitor("batch/loss", batches(3), "test")};
  for (Step step = 1; step <= 7; ++step) {
    feed.metric("batch/loss", static_cast<double>(step));
    feed(BatchEnd{.step = step, .epoch = 1});
  }
  feed(EpochEnd{.step = 7, .epoch = 1});
  ASSERT_EQ(feed.looks.size(), 2u);
  EXPECT_EQ(feed.looks[0].value, 3);
  EXPECT_EQ(feed.looks[1].value, 6);
}

TEST(Monitor, CutAnywhereAndRestoredItLooksTheSame) {
  for (Step cut = 0; cut <= 9; ++cut) {
    Fed whole{Monitor("batch/loss", batches(2), "test")}, before{Monitor("batch/loss", batches(2), "test")},
        after{Monitor("batch/loss", batches(2), "test")};
    const auto step = [](Fed& feed, Step at) {
      feed.metric("other", 1);
      if (at % 4 != 0) feed.metric("batch/loss", static_cast<double>(at));
      feed(BatchEnd{.step = at, .learning_rate = 0.5});
    };
    for (Step at = 1; at <= 9; ++at) step(whole, at);
    for (Step at = 1; at <= cut; ++at) step(before, at);
    hand_over(before.monitor, after.monitor);
    for (Step at = cut + 1; at <= 9; ++at) step(after, at);
    ASSERT_EQ(before.looks.size() + after.looks.size(), whole.looks.size());
    for (std::size_t i = 0; i < after.looks.size(); ++i) {
      const Look& expected = whole.looks[before.looks.size() + i];
      EXPECT_EQ(after.looks[i].came, expected.came);
      EXPECT_EQ(after.looks[i].value, expected.value);
      EXPECT_EQ(after.looks[i].learning_rate, expected.learning_rate);
    }
  }
}

TEST(Monitor, AMetricWithNearlyThisNameIsNamedAtTheFirstLook) {
  Fed feed{Monitor("val_loss", epoch_end, "early_stopping")};
  feed.metric("val/loss", 2);
  EXPECT_EQ(complaint<CallbackError>([&] { feed(EpochEnd{.step = 5, .epoch = 1}); }),
            "early_stopping: there is no metric 'val_loss' in this run. Did you mean monitor=val/loss?");
}

TEST(Monitor, AMetricThatNeverCameIsSaidAtTheEnd) {
  FakeRun run{.callbacks = {reduce_lr_on_plateau({.monitor = "val/fid", .mode = Min})}};
  run.go();
  ASSERT_EQ(run.failures.size(), 1u);
  EXPECT_EQ(run.failures[0],
            "reduce_lr_on_plateau: reduce_lr_on_plateau: the metric 'val/fid' that it monitors never came in this run. "
            "Monitor one of those that did (monitor=...): batch/loss, train/loss, val/accuracy, val/loss.");
  EXPECT_EQ(run.last_step, 20);  // training went on
}

TEST(Monitor, AMetricThatComesBehindItsEpochIsNoted) {
  FakeRun run{.callbacks = {early_stopping({.monitor = "test/loss"}), reduce_lr_on_plateau()}};
  run.metrics_behind = {{"test/loss", [](Epoch epoch) { return 1.0 / epoch; }}};
  run.go();
  EXPECT_EQ(run.failures, std::vector<std::string>{});
  EXPECT_EQ(run.warnings, (std::vector<std::string>{
                              "test/loss came behind the EpochEnd of its epoch, and so was looked at an epoch late, or "
                              "never (publish it before EpochEnd): early_stopping."}));
}

// A loop of a user's own may leave the step at 0.
TEST(Monitor, AResumedRunNotesNothingOfAMetricThatNamesNoStep) {
  const auto notes = std::make_shared<Notes>();
  Bus bus({.thread = false});
  Control control;
  const CallbackContext run{.bus = bus,
                            .control = control,
                            .name = "early_stopping",
                            .settings = {},
                            .folder = {},
                            .checkpoints = {},
                            .sync = lag(2),
                            .last = {},
                            .notes = notes};
  Fed before{Monitor("test/loss", epoch_end, run)}, after{Monitor("test/loss", epoch_end, run)};
  before(FitBegin{});
  before.metric("test/loss", 1);
  before(EpochEnd{.step = 10, .epoch = 1});
  hand_over(before.monitor, after.monitor);
  after(FitBegin{.resumed = true});
  after.metric("test/loss", 1);
  after(EpochEnd{.step = 20, .epoch = 2});
  after(FitEnd{.step = 20});
  EXPECT_EQ(notes->sentences(), std::vector<std::string>{});
}

TEST(Monitor, ARunTooShortForALookSaysSoAndFailsNobody) {
  ScratchFolder folder;
  FakeRun run{.callbacks = {model_checkpoint(), early_stopping(), reduce_lr_on_plateau(),
                            early_stopping({.monitor = "batch/loss", .at = batches(1000)})},
              .folder = folder.path()};
  run.steps = 3;
  run.go();
  EXPECT_EQ(run.failures, std::vector<std::string>{});
  EXPECT_EQ(run.warnings, (std::vector<std::string>{
                              "Fewer than 1000 steps ran: early_stopping never saw batch/loss.",
                              "No whole epoch ran: early_stopping never saw val/loss, model_checkpoint never saw "
                              "val/accuracy, reduce_lr_on_plateau never saw val/loss."}));
}

TEST(Monitor, ARunThatLookedOnceSaysNothingOfLooks) {
  FakeRun run{.callbacks = {early_stopping(), reduce_lr_on_plateau()}};
  run.steps = 8;
  run.go();
  EXPECT_EQ(run.warnings, std::vector<std::string>{});
}

TEST(Monitor, ARunThatWasInterruptedSaysNothingOfLooks) {
  FakeRun run{.callbacks = {early_stopping()}};
  run.interrupt_at = 3;
  run.go();
  EXPECT_EQ(run.last_step, 3);
  EXPECT_EQ(run.warnings, std::vector<std::string>{});
}

TEST(Better, KnowsTheDirectionByTheName) {
  for (const char* name : {"val/loss", "batch/loss", "val/top1_error", "val/mse", "val/mape", "val/smape"})
    EXPECT_TRUE(Better(Auto, name, 0, "test").falls()) << name;
  for (const char* name : {"val/accuracy", "val/mAP", "val/AUC", "acc", "val/F1", "val/mAP50", "mAP50-95"})
    EXPECT_FALSE(Better(Auto, name, 0, "test").falls()) << name;
  EXPECT_THROW(Better(Auto, "val/speed", 0, "test"), CallbackError);
}

}  // namespace
}  // namespace sidestep::test
