#include "callbacks/fake_run.hpp"
#include "scratch_folder.hpp"

#include <sidestep/trainer/callbacks/history.hpp>
#include <sidestep/trainer/callbacks/model_checkpoint.hpp>

#include <gtest/gtest.h>

namespace sidestep::test {
namespace {

TEST(History, HasARowAnEpoch) {
  const auto epochs = std::make_shared<History>();
  FakeRun run{.callbacks = {history(epochs)}};
  run.steps = 12;
  run.more_metrics["val/mAP"] = [](Epoch epoch) { return epoch * 0.1; };
  run.go();
  EXPECT_EQ(epochs->values("val/loss"), (std::vector<double>{1, 0.5}));
  EXPECT_EQ(epochs->values("val/mAP"), (std::vector<double>{0.1, 0.2}));
  EXPECT_EQ(epochs->values("batch/loss"), std::vector<double>{});
  const auto rows = epochs->rows();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[1].step, 10);
  EXPECT_EQ(rows[1].samples_per_second, 100);
  EXPECT_TRUE(rows[2].partial);
}

TEST(History, GoesOnWhereTheRunWasCut) {
  ScratchFolder folder;
  const auto first = std::make_shared<History>(), second = std::make_shared<History>();
  FakeRun run{.callbacks = {history(first), model_checkpoint()}, .folder = folder.path()};
  run.interrupt_at = 12;
  run.go();
  FakeRun again{.callbacks = {history(second), model_checkpoint()}, .folder = folder.path(), .resume = true};
  again.go();
  EXPECT_EQ(again.failures, std::vector<std::string>{});
  EXPECT_EQ(second->values("val/loss"), (std::vector<double>{1, 0.5, 1.0 / 3, 0.25}));
}

}  // namespace
}  // namespace sidestep::test
