#include <gtest/gtest.h>

#include <sidestep/trainer/command/summary.hpp>

namespace sidestep {
namespace {

TrainingReport some_report() {
  TrainingReport report;
  report.json = nlohmann::ordered_json::parse(R"({
    "bus": {"events": 9, "published": 20, "delivered": 17, "dropped": 2, "pending": 1, "publisher_waits": 3,
            "publish_ns": {"p50": 10, "p99": 1500, "p999": 0, "max": 2000000}},
    "reproducible": {"promised": true, "broken": [{"step": 7, "by": "dashboard", "why": "asked for 'stop'"}]},
    "boundary": {"count": 12, "ns": {"p50": 40, "p999": 90}, "waits": 4, "waited_ns": 5000000000,
                 "refused": [{"decision": "restore_best", "by": "me", "cause_step": 3, "step": 5, "why": "nothing kept"}],
                 "decisions": [{"decision": "scale_learning_rate", "by": "reduce_lr_on_plateau", "reason": "",
                                "cause_step": 20, "applied_step": 22, "value": 0.9, "learning_rate": 0.0018},
                               {"decision": "stop", "by": "request", "reason": "", "cause_step": null,
                                "applied_step": 30, "value": 0, "learning_rate": 0.0018}]},
    "callbacks": [{"name": "csv_logger", "events": 4330, "cpu_seconds": 0.0042, "max_backlog": 11,
                   "delay_ns": {"p50": 4700, "p99": 0, "max": 125800000}, "failures": 1, "last_error": "disk full"}],
    "failed": [], "warnings": ["lag:2 became lag:3"]})");
  return report;
}

TEST(Summary, SaysWhatEachCallbackDidAndWhatItCost) {
  const std::string text = summary(some_report());
  EXPECT_NE(text.find("callback    events     CPU  backlog  delay p50  delay max  failures\n"
                      "csv_logger    4330  4.2 ms       11     4.7 us   125.8 ms         1\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("bus: 9 events; published 20 = delivered 17 + dropped 2 + pending 1\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("publish: p50 10 ns, p99 1.5 us, max 2.0 ms; the loop waited 3 times for room\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("boundaries: 12, p50 40 ns; 4 waited for a decision, 5.00 s in all\n"), std::string::npos)
      << text;
}

TEST(Summary, NamesEachDecisionsCauseAndEffect) {
  const std::string text = summary(some_report());
  EXPECT_NE(text.find("decision             by                    cause  applied  value  learning rate\n"
                      "scale_learning_rate  reduce_lr_on_plateau     20       22    0.9         0.0018\n"
                      "stop                 request                   -       30      0         0.0018\n"),
            std::string::npos)
      << text;
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
