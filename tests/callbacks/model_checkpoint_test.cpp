#include "callbacks/fake_run.hpp"
#include "callbacks/looks.hpp"
#include "scratch_folder.hpp"

#include <sidestep/trainer/callbacks/model_checkpoint.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

namespace sidestep::test {
namespace {

std::string asked(BestCheckpointRule& rule, Epoch epoch, double value) {
  const auto save = rule(look_at(epoch, value));
  if (!save) return "-";
  std::string text(save->file.view());
  if (!save->supersedes[0].empty()) text += " for " + std::string(save->supersedes[0].view());
  return text;
}

TEST(ModelCheckpoint, SavesTheBestUnderOneName) {
  BestCheckpointRule rule({}, "model_checkpoint");
  EXPECT_EQ(asked(rule, 1, 0.5), "best.safetensors");
  EXPECT_EQ(asked(rule, 2, 0.5), "-");
  EXPECT_EQ(asked(rule, 3, 0.6), "best.safetensors");
  EXPECT_EQ(asked(rule, 4, std::nan("")), "-");
  EXPECT_EQ(asked(rule, 5, 0.55), "-");
}

// As Keras: the first value to beat.
TEST(ModelCheckpoint, SavesNothingThatDoesNotBeatItsThreshold) {
  BestCheckpointRule rule({.initial_value_threshold = 0.6}, "model_checkpoint");
  EXPECT_EQ(asked(rule, 1, 0.5), "-");
  EXPECT_EQ(asked(rule, 2, 0.6), "-");
  EXPECT_EQ(asked(rule, 3, 0.7), "best.safetensors");
  EXPECT_EQ(asked(rule, 4, 0.65), "-");
  BestCheckpointRule falls({.monitor = "val/loss", .save_top_k = 2, .file = "{epoch}", .initial_value_threshold = 1},
                           "model_checkpoint");
  EXPECT_EQ(asked(falls, 1, 1.5), "-");
  EXPECT_EQ(asked(falls, 2, 0.9), "2");
  EXPECT_EQ(asked(falls, 3, 1.1), "-");
  EXPECT_EQ(asked(falls, 4, 0.95), "4");
  EXPECT_NE(complaint<CallbackError>([] { model_checkpoint({.initial_value_threshold = std::nan("")}); }), "");
}

TEST(ModelCheckpoint, OfTheTopThreeTheWorstGoes) {
  BestCheckpointRule rule({.save_top_k = 3, .file = "e{epoch}.safetensors"}, "model_checkpoint");
  EXPECT_EQ(asked(rule, 1, 0.5), "e1.safetensors");
  EXPECT_EQ(asked(rule, 2, 0.3), "e2.safetensors");
  EXPECT_EQ(asked(rule, 3, 0.4), "e3.safetensors");
  EXPECT_EQ(asked(rule, 4, 0.3), "-");
  EXPECT_EQ(asked(rule, 5, 0.6), "e5.safetensors for e2.safetensors");
  BestCheckpointRule resumed({.save_top_k = 3, .file = "e{epoch}.safetensors"}, "model_checkpoint");
  hand_over(rule, resumed);
  EXPECT_EQ(asked(resumed, 6, 0.7), "e6.safetensors for e3.safetensors");
  EXPECT_EQ(asked(resumed, 7, 0.45), "-");
}

TEST(ModelCheckpoint, AFileThatIsOverwrittenIsNotDeleted) {
  BestCheckpointRule rule({.save_top_k = 2, .file = "value-{value:.1f}.safetensors"}, "model_checkpoint");
  EXPECT_EQ(asked(rule, 1, 0.51), "value-0.5.safetensors");
  EXPECT_EQ(asked(rule, 2, 0.52), "value-0.5.safetensors");
  EXPECT_EQ(asked(rule, 3, 0.61), "value-0.6.safetensors");
  EXPECT_EQ(asked(rule, 4, 0.62), "value-0.6.safetensors");
}

TEST(ModelCheckpoint, WithAllKeptNothingGoes) {
  BestCheckpointRule rule({.save_top_k = -1}, "model_checkpoint");
  for (Epoch epoch = 1; epoch < 50; ++epoch)
    EXPECT_EQ(asked(rule, epoch, 0.1), fmt::format("epoch-{}-step-{}.safetensors", epoch, epoch * 10));
}

TEST(ModelCheckpoint, BestAndLastAreOneCutAndSupersededFilesGo) {
  ScratchFolder folder;
  FakeRun run{.callbacks = {model_checkpoint({.save_top_k = 2, .file = "e{epoch}"})}, .folder = folder.path()};
  run.val_accuracy = [](Epoch epoch) { return std::vector{0.5, 0.6, 0.4, 0.7}[static_cast<std::size_t>(epoch) - 1]; };
  run.go();
  EXPECT_EQ(run.failures, std::vector<std::string>{});
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "checkpoints"))
    names.push_back(entry.path().filename());
  std::ranges::sort(names);
  EXPECT_EQ(names, (std::vector<std::string>{"e2", "e4", "last.safetensors"}));
  EXPECT_EQ(read_text(folder / "checkpoints/e4"), read_text(folder / "checkpoints/last.safetensors"));
}

TEST(ModelCheckpoint, SavesTheLastThoughTheMetricNeverCame) {
  ScratchFolder folder;
  FakeRun run{.callbacks = {model_checkpoint({.monitor = "val_accuracy"})}, .folder = folder.path()};
  run.go();
  ASSERT_EQ(run.failures.size(), 1u);
  EXPECT_EQ(run.failures[0],
            "model_checkpoint: model_checkpoint: there is no metric 'val_accuracy' in this run. Did you mean "
            "monitor=val/accuracy?");
  EXPECT_TRUE(run.table().find("save_checkpoint model_checkpoint 20->20") != std::string::npos) << run.table();
}

TEST(ModelCheckpoint, RefusesWhatCannotBe) {
  const auto complains = [](ModelCheckpointOptions options) {
    return complaint<CallbackError>([&] { model_checkpoint(options); });
  };
  EXPECT_EQ(complains({.save_top_k = 3, .file = "a"}),
            "model_checkpoint: save_top_k=3 needs names that differ. Put {epoch} or {step} into file=a.");
  EXPECT_EQ(complains({.save_top_k = 2, .file = "{value}"}),
            "model_checkpoint: save_top_k=2 needs names that differ, and two looks may see one value. Put {epoch} or "
            "{step} into file={value}.");
  EXPECT_EQ(complains({.save_top_k = 3, .file = "e{epoch}", .at = batches(3)}),
            "model_checkpoint: save_top_k=3 needs names that differ, and an epoch has many looks. Put {step} into "
            "file=e{epoch}.");
  EXPECT_EQ(complains({.save_top_k = 3, .file = "e{epoch}"}), "");
  EXPECT_EQ(complains({.save_top_k = 3, .file = "{step}", .at = batches(3)}), "");
  EXPECT_NE(complains({.file = "a/b"}), "");
  EXPECT_NE(complains({.file = "{loss}"}), "");
  EXPECT_NE(complains({.file = "{epoch"}), "");
  EXPECT_NE(complains({.file = std::string(64, 'a')}), "");
  EXPECT_NE(complains({.save_top_k = -2}), "");
  EXPECT_NE(complains({.every_n_epochs = 0}), "");
  FakeRun run{.callbacks = {model_checkpoint()}};
  EXPECT_EQ(complaint<CallbackError>([&] { run.go(); }),
            "model_checkpoint: this loop can't save. Give control.attach a .snapshot, or leave the callback out.");
  const ScratchFolder folder;
  FakeRun saving{.callbacks = {model_checkpoint({.file = "last.safetensors"})}, .folder = folder.path()};
  EXPECT_EQ(complaint<CallbackError>([&] { saving.go(); }),
            "model_checkpoint: file=last.safetensors is the name of the last checkpoint. Choose another.");
}

}  // namespace
}  // namespace sidestep::test
