#include "callbacks/fake_run.hpp"
#include "scratch_folder.hpp"

#include <sidestep/trainer/callbacks/csv_logger.hpp>
#include <sidestep/trainer/callbacks/jsonl_logger.hpp>
#include <sidestep/trainer/callbacks/registry.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <span>

namespace sidestep::test {
namespace {

namespace fs = std::filesystem;

/// What `sidestep train` hangs on a run, and one that decides often.
std::vector<Callback> all_callbacks() {
  std::vector<Callback> callbacks;
  for (const char* spec : {"csv_logger", "jsonl_logger", "history", "model_checkpoint:save_top_k=2",
                           "early_stopping:patience=3,restore_best_weights=yes",
                           "reduce_lr_on_plateau:monitor=batch/loss,at=batch:3,patience=1,factor=0.9",
                           "learning_rate_schedule:lr=0.5,warmup=3,floor=0.01", "terminate_on_nan", "memory_release"})
    callbacks.push_back(make_callback(parse_spec(spec)));
  return callbacks;
}

FakeRun whole_run(const fs::path& folder) {
  FakeRun run{.callbacks = all_callbacks(), .folder = folder};
  run.steps = 24;  // the fifth epoch is cut short
  run.loss = [](Step step) { return step % 4 == 0 ? 0.5 : 1.0; };
  run.val_loss = [](Epoch epoch) { return epoch < 3 ? 1.0 / epoch : 0.9; };
  run.val_accuracy = [](Epoch epoch) { return epoch == 2 ? 0.9 : 0.1 * epoch; };
  return run;
}

void expect_same_files(const fs::path& a, const fs::path& b, const std::string& when) {
  EXPECT_EQ(without_wall_columns(read_text(a / "metrics.csv")), without_wall_columns(read_text(b / "metrics.csv")))
      << when;
  EXPECT_EQ(without_wall_times(read_text(a / "metrics.jsonl")), without_wall_times(read_text(b / "metrics.jsonl")))
      << when;
  std::vector<std::string> names[2];
  for (int i = 0; i < 2; ++i)
    for (const auto& entry : fs::directory_iterator((i == 0 ? a : b) / "checkpoints"))
      names[i].push_back(entry.path().filename());
  std::ranges::sort(names[0]), std::ranges::sort(names[1]);
  EXPECT_EQ(names[0], names[1]) << when;
  for (const std::string& name : names[0])
    EXPECT_EQ(read_text(a / "checkpoints" / name), read_text(b / "checkpoints" / name)) << when << ' ' << name;
}

TEST(Resume, InterruptedAnywhereTheFilesAreThoseOfAnUninterruptedRun) {
  ScratchFolder whole;
  FakeRun expected = whole_run(whole.path());
  expected.go();
  ASSERT_EQ(expected.failures, std::vector<std::string>{});
  ASSERT_GT(expected.decisions.size(), 8u);
  for (Step at = 1; at < 24; ++at) {
    ScratchFolder folder;
    FakeRun first = whole_run(folder.path());
    first.interrupt_at = at;
    first.go();
    ASSERT_EQ(first.failures, std::vector<std::string>{});
    ASSERT_EQ(first.last_step, at);
    FakeRun second = whole_run(folder.path());
    second.resume = true;
    second.go();
    EXPECT_EQ(second.failures, std::vector<std::string>{});
    EXPECT_EQ(second.warnings, std::vector<std::string>{});
    EXPECT_EQ(second.decisions, expected.decisions) << "interrupted at " << at;
    EXPECT_TRUE(std::ranges::equal(second.rates, std::span(expected.rates).subspan(static_cast<std::size_t>(at))))
        << "interrupted at " << at;
    expect_same_files(folder.path(), whole.path(), "interrupted at " + std::to_string(at));
  }
}

TEST(Resume, NoPathStandsInACheckpoint) {
  ScratchFolder here, there;
  const auto run = [](const ScratchFolder& folder) {
    FakeRun one = whole_run(folder.path());
    one.callbacks.push_back(csv_logger(folder / "own.csv"));
    one.callbacks.push_back(jsonl_logger({.file = folder / "own.jsonl", .events = folder / "own-events.jsonl"}));
    one.go();
    EXPECT_EQ(one.failures, std::vector<std::string>{});
    return read_text(folder / "checkpoints/last.safetensors");
  };
  EXPECT_EQ(run(here), run(there));
}

TEST(Resume, FromAnOlderCheckpointTheLogsAreCutBack) {
  ScratchFolder whole;
  FakeRun expected = whole_run(whole.path());
  expected.go();
  // What kill -9 leaves: logs that are ahead of the last whole checkpoint, the last row torn.
  ScratchFolder folder;
  FakeRun first = whole_run(folder.path());
  first.interrupt_at = 10;
  first.go();
  const std::string checkpoint = read_text(folder / "checkpoints/last.safetensors");
  FakeRun ahead = whole_run(folder.path());
  ahead.resume = true;
  ahead.interrupt_at = 18;
  ahead.go();
  write_text(folder / "checkpoints/last.safetensors", checkpoint);
  for (const char* log : {"metrics.csv", "metrics.jsonl"})
    write_text(folder / log, read_text(folder / log) + "{\"event\":\"Bat");
  FakeRun last = whole_run(folder.path());
  last.resume = true;
  last.go();
  EXPECT_EQ(last.failures, std::vector<std::string>{});
  expect_same_files(folder.path(), whole.path(), "cut back");
}

}  // namespace
}  // namespace sidestep::test
