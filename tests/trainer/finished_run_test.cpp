#include <gtest/gtest.h>

#include <scratch_folder.hpp>
#include <sidestep/trainer/command/finished_run.hpp>

namespace sidestep {
namespace {

using test::ScratchFolder;
using test::write_text;

/// What a report.json with these words says of a run whose last checkpoint is that of step 78.
std::optional<FinishedRun> run_of(const std::string& report) {
  const ScratchFolder folder;
  const std::filesystem::path file = folder.path() / "report.json";
  if (!report.empty()) write_text(file, report);
  return read_finished_run(file, 78);
}

std::string report_of(const std::string& state, int step, const std::string& decisions = "") {
  return R"({"state":")" + state + R"(","epochs":[{"step":39},{"step":)" + std::to_string(step) +
         R"(}],"boundary":{"decisions":[)" + decisions + "]}}";
}

std::string stop_at(int step) {
  return R"({"decision":"stop","by":"early_stopping","reason":"no better","cause_step":39,"applied_step":)" +
         std::to_string(step) + "}";
}

TEST(FinishedRun, IsOneWhoseReportSaysSoOfItsLastCheckpoint) {
  ASSERT_TRUE(run_of(report_of("finished", 78)));
  EXPECT_EQ(run_of(report_of("finished", 78))->step, 78);
  EXPECT_EQ(run_of(report_of("finished", 78))->stopped_by, "");
  for (const char* state : {"running", "interrupted", "failed"}) EXPECT_FALSE(run_of(report_of(state, 78))) << state;
  EXPECT_FALSE(run_of(report_of("finished", 79)));  // its end wasn't saved
}

TEST(FinishedRun, IsNoneWithoutAReportThatCanBeRead) {
  for (const char* report : {"", "{", "[]", "{}", R"({"state":"finished","epochs":[]})", R"({"state":"finished"})",
                             R"({"state":"finished","epochs":[{"step":"78"}],"boundary":{"decisions":[]}})"})
    EXPECT_FALSE(run_of(report)) << report;
}

TEST(FinishedRun, WasStoppedByTheStopThatTookEffectAtItsLastStep) {
  const auto run = run_of(report_of("finished", 78, stop_at(39) + "," + stop_at(78)));
  ASSERT_TRUE(run);
  EXPECT_EQ(run->stopped_by, "early_stopping");
  EXPECT_EQ(run->reason, "no better");
  EXPECT_EQ(run_of(report_of("finished", 78, stop_at(39)))->stopped_by, "");  // it has gone on since
}

TEST(FinishedRun, ThatCameToItsEndGoesOnWhenMoreStepsAreAskedOfIt) {
  const FinishedRun run{.step = 78};
  EXPECT_EQ(nothing_to_do(run, {2}, {2}, 39), "finished at step 78: nothing to do; --epochs 3 or more trains on.");
  EXPECT_EQ(nothing_to_do(run, {2}, {3}, 39), std::nullopt);
  EXPECT_EQ(nothing_to_do(run, {3}, {3}, 39), std::nullopt);  // killed when it had only just gone on
  EXPECT_EQ(nothing_to_do(run, {9, 78}, {9, 78}, 39),
            "finished at step 78: nothing to do; --max-steps 79 or more trains on.");
  EXPECT_EQ(nothing_to_do(run, {9, 78}, {99, 78}, 39),
            "finished at step 78: nothing to do; --max-steps 79 or more trains on.");
  EXPECT_EQ(nothing_to_do(run, {9, 78}, {9, 50}, 39), nothing_to_do(run, {9, 78}, {9, 78}, 39));
  EXPECT_EQ(nothing_to_do(run, {2}, {1}, 39), nothing_to_do(run, {2}, {2}, 39));
  EXPECT_EQ(nothing_to_do(run, {9, 78}, {9, 79}, 39), std::nullopt);
  // what would help is what the run remembers, not what was asked just now
  EXPECT_EQ(nothing_to_do(run, {9, 78}, {1, 78}, 39), nothing_to_do(run, {9, 78}, {9, 78}, 39));
  EXPECT_EQ(nothing_to_do(run, {9}, {2}, 39), nothing_to_do(run, {2}, {2}, 39));
  EXPECT_EQ(nothing_to_do(run, {2, 78}, {2, 78}, 39),
            "finished at step 78: nothing to do; --epochs 3 --max-steps 79 or more trains on.");
}

TEST(FinishedRun, ThatDivergedIsToldToBeginAnew) {
  const auto by_nan = run_of(report_of(
      "finished", 78,
      R"({"decision":"stop","by":"terminate_on_nan","reason":"the loss of step 76 is nan","applied_step":78})"));
  ASSERT_TRUE(by_nan);
  EXPECT_TRUE(by_nan->diverged);
  EXPECT_EQ(nothing_to_do(*by_nan, {9}, {9}, 39),
            "stopped by terminate_on_nan at step 78 (the loss of step 76 is nan): nothing to do; its loss is no finite "
            "number any more, and more steps wouldn't mend that. Begin a new run, with a lower --lr, say.");
  const std::string with_loss =
      R"({"state":"finished","epochs":[{"step":78,"train":{"loss":LOSS}}],"boundary":{"decisions":[]}})";
  for (const bool finite : {true, false}) {
    std::string report = with_loss;
    const auto run = run_of(report.replace(report.find("LOSS"), 4, finite ? "0.5" : "null"));
    ASSERT_TRUE(run);
    EXPECT_EQ(run->diverged, !finite);
    EXPECT_EQ(nothing_to_do(*run, {2}, {2}, 39)->find("Begin a new run") != std::string::npos, !finite);
  }
}

TEST(FinishedRun, ThatWasStoppedGoesOnOnlyWhenMoreIsAskedOfItThanBefore) {
  const FinishedRun run{.step = 78, .stopped_by = "early_stopping", .reason = "no better"};
  EXPECT_EQ(nothing_to_do(run, {9}, {9}, 39),
            "stopped by early_stopping at step 78 (no better): nothing to do; --epochs 10 or more trains on.");
  EXPECT_NE(nothing_to_do(run, {9}, {8}, 39), std::nullopt);
  EXPECT_EQ(nothing_to_do(run, {9}, {9, 100}, 39), nothing_to_do(run, {9}, {9}, 39));
  EXPECT_EQ(nothing_to_do(run, {9}, {10}, 39), std::nullopt);
  EXPECT_EQ(nothing_to_do(run, {9, 100}, {9, 200}, 39), std::nullopt);
}

}  // namespace
}  // namespace sidestep
