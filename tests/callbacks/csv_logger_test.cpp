#include "callbacks/fake_run.hpp"
#include "callbacks/looks.hpp"
#include "scratch_folder.hpp"

#include <sidestep/trainer/callbacks/csv_logger.hpp>
#include <sidestep/trainer/callbacks/model_checkpoint.hpp>

#include <sidestep/trainer/callbacks/jsonl_logger.hpp>
#include <sidestep/trainer/control/safetensors.hpp>

#include <gtest/gtest.h>

namespace sidestep::test {
namespace {

TEST(CsvLogger, WritesARowAnEpoch) {
  ScratchFolder folder;
  FakeRun run{.callbacks = {csv_logger("metrics.csv")}, .folder = folder.path()};
  run.steps = 12;  // the third epoch is cut short
  run.go();
  EXPECT_EQ(run.failures, std::vector<std::string>{});
  EXPECT_EQ(read_text(folder / "metrics.csv"),
            "epoch,train/loss,val/accuracy,val/loss,seconds,samples_per_second,waited_ns\n"
            "1,0.2,0.5,1,0.5,100,0\n"
            "2,0.1,0.6666666666666667,0.5,0.5,100,0\n"
            "3,NA,NA,NA,0.1,100,0\n");
}

TEST(CsvLogger, SeparatesAndQuotes) {
  ScratchFolder folder;
  FakeRun run{.callbacks = {csv_logger({.file = "a.csv", .separator = ';'})}, .folder = folder.path()};
  run.steps = 5;
  run.more_metrics["a;\"b\""] = [](Epoch) { return 7.0; };
  run.go();
  EXPECT_EQ(read_text(folder / "a.csv"),
            "epoch;\"a;\"\"b\"\"\";train/loss;val/accuracy;val/loss;seconds;samples_per_second;waited_ns\n"
            "1;7;0.2;0.5;1;0.5;100;0\n");
}

TEST(CsvLogger, BeginsAnewOrAppends) {
  ScratchFolder folder;
  for (const bool append : {false, true}) {
    FakeRun run{.callbacks = {csv_logger({.append = append})}, .folder = folder.path()};
    run.steps = 5;
    run.go();
    run.go();
    const std::string text = read_text(folder / "metrics.csv");
    EXPECT_EQ(std::ranges::count(text, '\n'), append ? 4 : 2) << text;  // the file of the run before is there already
  }
}

TEST(CsvLogger, CutAnywhereAndResumedTheFileIsTheSame) {
  const auto row = [](Epoch epoch) {
    return EpochRow{.epoch = epoch, .metrics = {{"loss", 1.0 / epoch}}, .seconds = 1};
  };
  std::string expected;
  for (Epoch cut = 0; cut <= 4; ++cut) {
    ScratchFolder folder;
    const auto open = [&](RowFile::Open how) { return CsvWriter(std::make_shared<RowFile>(folder / "a", how), ','); };
    std::vector<std::byte> saved;
    {
      CsvWriter writer = open(RowFile::Open::fresh);
      for (Epoch epoch = 1; epoch <= 4; ++epoch) {
        Archive archive;
        if (epoch == cut + 1) writer.state(archive), saved = std::move(archive).take();
        writer(row(epoch));
      }
      Archive archive;
      if (cut == 4) writer.state(archive), saved = std::move(archive).take();
    }
    if (expected.empty()) expected = read_text(folder / "a");
    CsvWriter writer = open(RowFile::Open::keep);
    Archive archive{std::span<const std::byte>(saved)};
    writer.state(archive);
    for (Epoch epoch = cut + 1; epoch <= 4; ++epoch) writer(row(epoch));
    EXPECT_EQ(read_text(folder / "a"), expected) << "cut " << cut;
  }
}

TEST(CsvLogger, AFullDiskIsReportedAndTrainingGoesOn) {
  FakeRun run{.callbacks = {csv_logger("/dev/full")}};
  run.go();
  EXPECT_EQ(run.last_step, 20);
  ASSERT_EQ(run.failures.size(), 1u);
  EXPECT_NE(run.failures[0].find("the disk is full"), std::string::npos) << run.failures[0];
  EXPECT_EQ(run.failures[0].substr(0, 12), "csv_logger: ");
}

// Bad input, seen before the first step: no file is touched, those of other loggers neither, although they have rows to
// cut off.
TEST(CsvLogger, AFileWithFewerRowsThanTheCheckpointIsRefusedBeforeAnythingBegins) {
  ScratchFolder folder;
  FakeRun run{.callbacks = {jsonl_logger("metrics.jsonl"), csv_logger("metrics.csv"), model_checkpoint()},
              .folder = folder.path()};
  run.go();
  write_text(folder / "metrics.csv", "epoch,train/loss\n1,2\n");
  write_text(folder / "metrics.jsonl", read_text(folder / "metrics.jsonl") + "more\n");
  const std::string lines = read_text(folder / "metrics.jsonl"),
                    checkpoint = read_text(folder / "checkpoints/last.safetensors");
  FakeRun again{.callbacks = run.callbacks, .folder = folder.path(), .steps = 30, .resume = true};
  const std::string said = complaint<CheckpointError>([&] { again.go(); });
  EXPECT_NE(said.find("'csv_logger' can't go on from last.safetensors: "), std::string::npos) << said;
  EXPECT_NE(said.find("it has 1 rows, and the checkpoint was written when it had 4."), std::string::npos) << said;
  EXPECT_EQ(again.last_step, 0);
  EXPECT_EQ(read_text(folder / "metrics.csv"), "epoch,train/loss\n1,2\n");
  EXPECT_EQ(read_text(folder / "metrics.jsonl"), lines);
  EXPECT_EQ(read_text(folder / "checkpoints/last.safetensors"), checkpoint);
}

TEST(CsvLogger, OneThatIsMissingIsRefusedAndNotMade) {
  ScratchFolder folder;
  FakeRun run{.callbacks = {csv_logger(), model_checkpoint()}, .folder = folder.path()};
  run.go();
  std::filesystem::remove(folder / "metrics.csv");
  FakeRun again{.callbacks = run.callbacks, .folder = folder.path(), .steps = 30, .resume = true};
  EXPECT_NE(complaint<CheckpointError>([&] { again.go(); }).find("it has 0 rows"), std::string::npos);
  EXPECT_EQ(folder.names(), std::vector<std::string>{"checkpoints"});
}

}  // namespace
}  // namespace sidestep::test
