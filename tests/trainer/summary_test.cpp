#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include <sidestep/trainer/command/summary.hpp>

namespace sidestep {
namespace {

TrainingReport some_report() {
  TrainingReport report;
  report.json = nlohmann::ordered_json::parse(R"({
    "bus": {"events": 9, "published": 20, "delivered": 17, "dropped": 2, "pending": 1, "publisher_waits": 3,
            "publish_ns": {"p50": 0, "p99": 1500, "p999": 0, "max": 2000000, "timed": 213}, "clock_step_ns": 10},
    "reproducible": {"promised": true, "broken": [{"step": 7, "by": "dashboard", "why": "asked for 'stop'"}]},
    "boundary": {"count": 12, "ns": {"p50": 40, "p999": 90, "timed": 20}, "waits": 4, "waited_ns": 5000000000,
                 "refused": [{"decision": "restore_best", "by": "me", "cause_step": 3, "step": 5, "why": "nothing kept"}],
                 "decisions": [{"decision": "save_checkpoint", "by": "model_checkpoint", "reason": "val/accuracy is 0.8125",
                                "cause_step": 39, "applied_step": 39, "value": 0, "learning_rate": 0.002,
                                "file": "best.safetensors"},
                               {"decision": "scale_learning_rate", "by": "reduce_lr_on_plateau",
                                "reason": "val/loss has not improved for 1 look: 0.30124, best 0.29",
                                "cause_step": 20, "applied_step": 22, "value": 0.9, "learning_rate": 0.0018},
                               {"decision": "save_checkpoint", "by": "model_checkpoint", "reason": "the last",
                                "cause_step": 39, "applied_step": 39, "value": 0, "learning_rate": 0.002,
                                "file": "last.safetensors"},
                               {"decision": "stop", "by": "request", "reason": "", "cause_step": null,
                                "applied_step": 30, "value": 0, "learning_rate": 0.0018}]},
    "callbacks": [{"name": "csv_logger", "events": 4330, "cpu_seconds": 0.0042, "max_backlog": 11,
                   "delay_ns": {"p50": 4700, "p99": 0, "max": 125800000}, "failures": 1, "last_error": "disk full"}],
    "recording": {"name": "events.log", "events": 4330, "bytes": 204800, "cpu_seconds": 0.0011},
    "failed": [], "warnings": ["lag:2 became lag:3"]})");
  return report;
}

TEST(Summary, SaysWhatEachCallbackDidAndWhatItCost) {
  const std::string text = summary(some_report());
  EXPECT_NE(text.find("callback    events     CPU  backlog  delay p50  delay max  failures\n"
                      "csv_logger    4330  4.2 ms       11     4.7 us   125.8 ms         1\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("events.log: 4330 events, 200 KiB, CPU 1.1 ms\n"), std::string::npos) << text;
  EXPECT_NE(text.find("bus: 9 events; published 20 = delivered 17 + dropped 2 + pending 1\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("publish: p50 < 10 ns, p99 1.5 us, max 2.0 ms (213 timed, net of the timer)\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("boundaries: 12, p50 40 ns (20 timed, net of the timer)\n"), std::string::npos) << text;
  EXPECT_NE(text.find("waits: 3 for room in the ring; 4 at boundaries for a decision, 5.00 s in all\n"),
            std::string::npos)
      << text;
}

TEST(Summary, SaysWhereTheTrainingWaitedForLong) {
  TrainingReport report = some_report();
  report.json["epochs"] = nlohmann::ordered_json::parse(R"([{"seconds": 15.0}, {"seconds": 10.0}])");
  EXPECT_NE(summary(report).find("note: 5.00 s of 25.00 s were waits for decisions (none with --sync relaxed).\n"),
            std::string::npos)
      << summary(report);
  report.json["boundary"]["waited_ns"] = 200'000'000;  // less than a hundredth
  EXPECT_EQ(summary(report).find("were waits"), std::string::npos) << summary(report);
}

// The epochs of all processes are in the report, the waits of this one alone.
TEST(Summary, ComparesTheWaitsOfAResumedRunWithTheTimeSinceThen) {
  TrainingReport report = some_report();
  report.json["resumed_at"] = 200;
  report.json["epochs"] = nlohmann::ordered_json::parse(
      R"([{"step": 100, "seconds": 990.0}, {"step": 200, "seconds": 980.0}, {"step": 250, "seconds": 9.0}, {"step": 300, "seconds": 1.0}])");
  EXPECT_NE(summary(report).find("note: 5.00 s of 10.00 s were waits for decisions"), std::string::npos)
      << summary(report);
  report.json["epochs"].erase(2);
  report.json["epochs"].erase(2);
  EXPECT_EQ(summary(report).find("were waits"), std::string::npos) << "nothing was trained since";
}

TEST(Summary, SaysSinceWhenAResumedRunCounts) {
  TrainingReport report = some_report();
  EXPECT_EQ(summary(report).find("resumed"), std::string::npos);
  report.json["resumed_at"] = 1200;
  EXPECT_NE(summary(report).find("counted since the run was resumed at step 1200.\n"), std::string::npos)
      << summary(report);
}

TEST(Summary, HasNoFigureOfTooFew) {
  TrainingReport report = some_report();
  report.json["bus"]["publish_ns"]["timed"] = 19;
  report.json["boundary"]["ns"]["timed"] = 0;
  const std::string text = summary(report);
  EXPECT_NE(text.find("publish: 19 timed, too few for a figure\n"), std::string::npos) << text;
  EXPECT_NE(text.find("boundaries: 12, 0 timed, too few for a figure\n"), std::string::npos) << text;
}

TEST(Summary, SaysOfABoundaryTooThatTheClockCannotTellItFromNothing) {
  TrainingReport report = some_report();
  report.json["boundary"]["ns"]["p50"] = 3;
  report.json["bus"]["clock_step_ns"] = 4;
  EXPECT_NE(summary(report).find("boundaries: 12, p50 < 4 ns (20 timed"), std::string::npos) << summary(report);
  report.json["boundary"]["ns"]["p50"] = 4;
  EXPECT_NE(summary(report).find("boundaries: 12, p50 4 ns (20 timed"), std::string::npos) << summary(report);
}

TEST(Summary, NamesEachDecisionsCauseAndEffect) {
  const std::string text = summary(some_report());
  EXPECT_NE(text.find("save_checkpoint by model_checkpoint\n"
                      "  cause  applied  file              reason\n"
                      "     39       39  best.safetensors  val/accuracy is 0.8125\n"
                      "     39       39  last.safetensors  the last\n"
                      "scale_learning_rate by reduce_lr_on_plateau\n"
                      "  cause  applied  value  learning rate  reason\n"
                      "     20       22    0.9         0.0018  val/loss has not improved for 1 look: 0…\n"
                      "stop by request\n"
                      "  cause  applied\n"
                      "      -       30\n"),
            std::string::npos)
      << text;
}

TEST(Summary, FitsInto80ColumnsAndCutsNoCharacter) {
  TrainingReport report = some_report();
  std::string umlauts;
  for (int i = 0; i < 60; ++i) umlauts += "ü";
  report.json["boundary"]["decisions"][1]["reason"] = umlauts;
  std::istringstream lines(summary(report));
  std::size_t longest = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto columns = static_cast<std::size_t>(
        std::ranges::count_if(line, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
    EXPECT_LE(columns, 80U) << line;
    longest = std::max(longest, columns);
    if (columns == 80) {
      EXPECT_TRUE(line.ends_with("ü…")) << line;
    }
  }
  EXPECT_EQ(longest, 80U);
}

TEST(Summary, RemarksOnWhatWasRefusedAndOnWhatCannotBeRepeated) {
  const std::string text = summary(some_report());
  EXPECT_NE(text.find("refused: restore_best by me at step 5: nothing kept\n"), std::string::npos) << text;
  EXPECT_NE(text.find("not reproducible from step 7 on: dashboard asked for 'stop'\n"), std::string::npos) << text;
  EXPECT_NE(text.find("note: lag:2 became lag:3\n"), std::string::npos) << text;
}

TEST(Report, NamesWhatFailed) {
  TrainingReport report = some_report();
  report.json["failed"].push_back("checkpoint of step 3 was not saved");
  EXPECT_EQ(report.failed(),
            (std::vector<std::string>{"callback csv_logger failed: disk full", "checkpoint of step 3 was not saved"}));
}

}  // namespace
}  // namespace sidestep
