#include "callbacks/fake_run.hpp"
#include "scratch_folder.hpp"

#include <sidestep/bus/bus.hpp>
#include <sidestep/trainer/callbacks/json_text.hpp>
#include <sidestep/trainer/callbacks/jsonl_logger.hpp>
#include <sidestep/trainer/callbacks/model_checkpoint.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <limits>
#include <sstream>

namespace sidestep::test {
namespace {

std::vector<nlohmann::json> rows_of(const std::filesystem::path& file) {
  std::istringstream lines(read_text(file));
  std::vector<nlohmann::json> rows;
  for (std::string line; std::getline(lines, line);) rows.push_back(nlohmann::json::parse(line));
  return rows;
}

std::vector<std::string> events_of(const std::filesystem::path& file) {
  std::vector<std::string> names;
  for (const auto& row : rows_of(file)) names.push_back(row.at("event"));
  return names;
}

struct Detection {
  static constexpr EventId id = first_user_event + 7;
  static constexpr std::string_view name = "Detection";
  Step step = 0;
  float score = 0;
  void fields(auto&& field) const { field("step", step), field("score", score); }
};

TEST(JsonlLogger, WritesEveryEventOfTheTrainerButBatchBeginAndBarrier) {
  ScratchFolder folder;
  FakeRun run{.callbacks = {jsonl_logger(), model_checkpoint()}, .folder = folder.path()};
  run.steps = 3;
  run.steps_per_epoch = 2;
  run.test_at_end = true;
  run.go();
  EXPECT_EQ(run.failures, std::vector<std::string>{});
  const std::vector<std::string> expected{"FitBegin",        "EpochBegin",      "Metric",     "BatchEnd", "Metric",
                                          "BatchEnd",        "Metric",          "Metric",     "Metric",   "EpochEnd",
                                          "DecisionApplied", "DecisionApplied", "EpochBegin", "Metric",   "BatchEnd",
                                          "EpochEnd",        "FitEnd",          "TestEnd"};
  EXPECT_EQ(events_of(folder / "metrics.jsonl"), expected);
  const auto rows = rows_of(folder / "metrics.jsonl");
  const auto& batch = rows.at(3);
  EXPECT_EQ(batch.at("step"), 1);
  EXPECT_EQ(batch.at("loss"), 1.0);
  EXPECT_EQ(batch.at("accuracy"), 0.5);
  EXPECT_GT(batch.at("wall_time").get<double>(), 1.7e9);
  EXPECT_EQ(rows.at(2).at("metric"), "batch/loss");
}

TEST(JsonlLogger, TheOtherStreamsEventsAreInAFileOfTheirOwn) {
  ScratchFolder folder;
  FakeRun run{.callbacks = {jsonl_logger(), model_checkpoint()}, .folder = folder.path()};
  run.before = [](Bus& bus) { (void)event_info<Detection>(), (void)bus; };
  run.at_end = [](Bus& bus) { bus.publish(Detection{.step = 3, .score = 0.5F}); };
  run.steps = 5;
  run.go();
  const auto rows = rows_of(folder / "events.jsonl");
  std::vector<std::string> names;
  for (const auto& row : rows) names.push_back(row.at("event"));
  EXPECT_EQ(names, (std::vector<std::string>{"CheckpointSaved", "CheckpointSaved", "Detection"}));
  EXPECT_EQ(rows.back().at("score"), 0.5);
  for (const std::string& name : events_of(folder / "metrics.jsonl")) EXPECT_NE(name, "CheckpointSaved");
}

TEST(JsonlLogger, WhatNothingInTheStreamCausedHasNoStepOfACause) {
  ScratchFolder folder;
  FakeRun run{.callbacks = {jsonl_logger()}, .folder = folder.path()};
  run.steps = 3;
  run.go();
  const auto rows = rows_of(folder / "events.jsonl");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].at("event"), "CheckpointSaved");
  EXPECT_TRUE(rows[0].at("cause_step").is_null()) << rows[0];
}

TEST(JsonlLogger, EveryThinsBatchesAndTheirMetricsAlone) {
  ScratchFolder folder;
  FakeRun run{.callbacks = {jsonl_logger({.every = 4})}, .folder = folder.path()};
  run.steps = 10;
  run.go();
  int batches = 0, batch_metrics = 0, others = 0;
  for (const auto& row : rows_of(folder / "metrics.jsonl")) {
    const bool of_batch = row.at("event") == "Metric" && row.at("metric") == "batch/loss";
    batches += row.at("event") == "BatchEnd";
    batch_metrics += of_batch;
    others += row.at("event") == "Metric" && !of_batch;
    if (row.at("event") == "BatchEnd") {
      EXPECT_EQ(row.at("step").get<int>() % 4, 0);
    }
  }
  EXPECT_EQ(batches, 2);
  EXPECT_EQ(batch_metrics, 2);
  EXPECT_EQ(others, 6);
}

TEST(JsonlLogger, AFullDiskIsReportedAndTrainingGoesOn) {
  ScratchFolder folder;
  FakeRun run{.callbacks = {jsonl_logger({.file = "/dev/full"})}, .folder = folder.path()};
  run.go();
  EXPECT_EQ(run.last_step, 20);
  ASSERT_EQ(run.failures.size(), 1u);
  EXPECT_NE(run.failures[0].find("the disk is full"), std::string::npos) << run.failures[0];
  // Two threads publish these, the dispatcher and the checkpoint's writer: in which order isn't promised.
  const auto others = rows_of(folder / "events.jsonl");
  ASSERT_EQ(others.size(), 2u);
  const bool failure_first = others[0].at("event") == "PipelineFailed";
  EXPECT_EQ(others[failure_first ? 0 : 1].at("event"), "PipelineFailed");
  EXPECT_EQ(others[failure_first ? 0 : 1].at("pipeline"), "jsonl_logger");
  EXPECT_EQ(others[failure_first ? 1 : 0].at("event"), "CheckpointSaved");
}

TEST(JsonlLogger, RefusesWhatCannotBe) {
  EXPECT_NE(complaint<CallbackError>([] { jsonl_logger({.file = "a", .events = "a"}); }), "");
  EXPECT_NE(complaint<CallbackError>([] { jsonl_logger({.every = 0}); }), "");
}

TEST(JsonText, ReadsBackAsWhatItWas) {
  JsonText json;
  for (int round = 0; round < 2; ++round) {  // the buffer is used again
    json.begin();
    json.text("te\"xt", "a\\b\"c\nd\x01 \u00e4");
    json.integer("least", std::numeric_limits<std::int64_t>::min());
    json.real("tenth", 0.1);
    json.real("nan", std::numeric_limits<double>::quiet_NaN());
    json.real("infinity", -std::numeric_limits<double>::infinity());
    json.boolean("yes", true);
    json.time("wall_time", 1'732'442'999'000'045'000);
    const std::string text(json.end());
    const auto read = nlohmann::json::parse(text);
    EXPECT_EQ(read.at("te\"xt"), "a\\b\"c\nd\x01 \u00e4");
    EXPECT_EQ(read.at("least"), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(read.at("tenth"), 0.1);
    EXPECT_TRUE(read.at("nan").is_null());
    EXPECT_TRUE(read.at("infinity").is_null());
    EXPECT_EQ(read.at("yes"), true);
    EXPECT_NE(text.find("\"wall_time\":1732442999.000045"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace sidestep::test
