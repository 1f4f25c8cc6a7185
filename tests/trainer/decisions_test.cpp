// What callbacks ask the trainer for.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include <scratch_folder.hpp>
#include <trainer/training.hpp>

namespace sidestep {
namespace {

using namespace test;

TEST(Trainer, StopEndsTheRunTwoStepsBehindItsCause) {
  Training run;
  const TrainingReport report = run.fit({ask_at<BatchEnd>([](const BatchEnd& e) -> std::optional<Stop> {
    if (e.step == 5) return Stop{"enough"};
    return {};
  })});
  EXPECT_EQ(run.count("BatchEnd"), 7U);
  EXPECT_TRUE(report.epochs[0].partial);
  EXPECT_EQ(report.state, "finished");
  EXPECT_TRUE(report.test);
}

TEST(Trainer, InterruptionLeavesNoTest) {
  Training run(small(1000));  // however late the handler runs
  run.bus.on<BatchEnd>() | filter([](const BatchEnd& e) { return e.step == 4; }) |
      subscribe([&](const BatchEnd&) { run.control.interrupt("SIGINT"); });
  const TrainingReport report = run.fit();
  EXPECT_EQ(report.state, "interrupted");
  EXPECT_EQ(report.json["interrupted"]["by"], "SIGINT");
  EXPECT_FALSE(report.test);
  EXPECT_EQ(run.count("TestEnd"), 0U);
}

TEST(Trainer, ScalingActsOnTopOfTheSchedule) {
  Training run(small(1));
  const TrainingReport report = run.fit({ask_at<BatchEnd>([](const BatchEnd& e) -> std::optional<ScaleLearningRate> {
    if (e.step == 3) return ScaleLearningRate{.by = 0.5};
    return {};
  })});
  Training plain(small(1));
  plain.fit();
  ASSERT_EQ(run.rates.size(), 15U);
  for (std::size_t step = 1; step <= 15; ++step)
    EXPECT_DOUBLE_EQ(run.rates[step - 1], plain.rates[step - 1] * (step > 5 ? 0.5 : 1.0)) << step;
  EXPECT_DOUBLE_EQ(report.json["boundary"]["decisions"][0]["learning_rate"].get<double>(), run.rates[5]);
}

TEST(Trainer, SettingTheRateEndsScheduleAndScaling) {
  Training run(small(1));
  run.fit({ask_at<BatchEnd>([](const BatchEnd& e) -> Decisions {
    Decisions all;
    if (e.step == 2) all.ask(ScaleLearningRate{.by = 0.5});
    if (e.step == 6) all.ask(SetLearningRate{.learning_rate = 0.125});
    if (e.step == 9) all.ask(SetSchedule{.schedule = {.base = 0.25}});
    return all;
  })});
  EXPECT_DOUBLE_EQ(run.rates[8], 0.125);
  EXPECT_DOUBLE_EQ(run.rates[10], 0.125);
  EXPECT_DOUBLE_EQ(run.rates[11], 0.25);
}

TEST(Trainer, RefusesAScheduleThatHasNoRateForTheNextStepOrTheLast) {
  Training run(small(1)), plain(small(1));
  const TrainingReport report = run.fit({ask_at<BatchEnd>([](const BatchEnd& e) -> Decisions {
    const double nan = std::nan(""), infinite = std::numeric_limits<double>::infinity();
    Decisions all;
    if (e.step == 1) all.ask(SetSchedule{.schedule = {.base = nan}});
    if (e.step == 2) all.ask(SetSchedule{.schedule = {.base = -0.1}});
    if (e.step == 3) all.ask(SetSchedule{.schedule = {.base = infinite}});
    if (e.step == 4) all.ask(SetSchedule{.schedule = {.shape = Schedule::Shape::cosine, .base = 1e-9, .floor = -0.1}});
    if (e.step == 5)
      all.ask(SetSchedule{.schedule = {.shape = Schedule::Shape::step, .base = 1e-9, .factor = nan, .every = 12}});
    return all;
  })});
  plain.fit();
  const auto& refused = report.json["boundary"]["refused"];
  ASSERT_EQ(refused.size(), 5U);
  EXPECT_EQ(refused[0]["why"], "its learning rate of step 4 is nan");
  EXPECT_EQ(refused[1]["why"], "its learning rate of step 5 is -0.1");
  EXPECT_EQ(refused[4]["why"], "its learning rate of step 15 is nan");
  EXPECT_EQ(run.rates, plain.rates);
}

TEST(Trainer, BringsBackTheWeightsThatWereKept) {
  Training run(small(3));
  Score kept{};
  const auto keep_then_restore = [](const OneOf<EpochEnd, FitEnd>& event) -> Decisions {
    Decisions all;
    if (const auto* epoch = event.get_if<EpochEnd>(); epoch != nullptr && epoch->epoch == 1)
      all.ask(KeepWeights{.owner = "me"});
    if (event.get_if<FitEnd>() != nullptr)
      all.ask(RestoreBest{.owner = "me", .cause_step = 14}).ask(RestoreBest{.owner = "me", .cause_step = 15});
    return all;
  };
  const TrainingReport report = run.fit(
      {{"me", "", [&](CallbackContext& fit) { fit.on<EpochEnd, FitEnd>() | decide(fit.control, keep_then_restore); }}});
  Training first(small(3));
  first.trainer = Trainer(mlp(), small_data(), [] {
    TrainerOptions one = small(3);
    one.max_steps = 15;
    return one;
  }());
  kept = *first.fit().test;
  EXPECT_EQ(*report.test, kept);
  const auto& refused = report.json["boundary"]["refused"];
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0]["why"], "the weights kept are those of step 15, not 14");
}

TEST(Trainer, ValidatesWhenItIsAsked) {
  Training run(small(1));
  run.fit({ask_at<BatchEnd>([](const BatchEnd& e) -> std::optional<Validate> {
    if (e.step == 5) return Validate{};
    return {};
  })});
  EXPECT_EQ(run.count("ValidationEnd"), 2U);
  EXPECT_EQ(run.count("val/loss"), 1U);
}

TEST(Trainer, GivesMemoryBackAndGoesOn) {
  Training run(small(1));
  const TrainingReport report = run.fit({ask_at<BatchEnd>([](const BatchEnd& e) -> std::optional<ReleaseMemory> {
    if (e.step == 5) return ReleaseMemory{};
    return {};
  })});
  EXPECT_EQ(run.count("MemoryReleased"), 1U);
  Training plain(small(1));
  EXPECT_EQ(plain.fit().epochs[0].train, report.epochs[0].train);
}

struct Unfreeze {
  static constexpr std::string_view decision = "unfreeze";
  std::int64_t layers = 0;
  double value() const { return static_cast<double>(layers); }
};

Callback ask_to_unfreeze() {
  return ask_at<BatchEnd>([](const BatchEnd& e) -> std::optional<Unfreeze> {
    if (e.step == 5) return Unfreeze{.layers = 2};
    return {};
  });
}

TEST(Trainer, ObeysDecisionsOfItsUser) {
  Training run(small(1));
  std::vector<std::pair<Step, std::int64_t>> asked;
  run.trainer.on<Unfreeze>(
      [&](const Unfreeze& d, const Cause& cause) { asked.emplace_back(cause.applied_step, d.layers); });
  const TrainingReport report = run.fit({ask_to_unfreeze()});
  EXPECT_EQ(asked, (std::vector<std::pair<Step, std::int64_t>>{{7, 2}}));
  EXPECT_EQ(report.json["boundary"]["decisions"][0]["decision"], "unfreeze");
}

TEST(Trainer, ADecisionOfItsUserWithoutAHandlerStandsInTheReportWithTheMend) {
  Training run;
  const TrainingReport report = run.fit({ask_to_unfreeze()});
  ASSERT_EQ(report.failed().size(), 1u);
  EXPECT_NE(report.failed()[0].find("'unfreeze'"), std::string::npos) << report.failed()[0];
  EXPECT_NE(report.failed()[0].find("trainer.on<D>(f)"), std::string::npos) << report.failed()[0];
  EXPECT_EQ(report.json["boundary"]["refused"].size(), 1u);
}

TEST(Trainer, ADeciderThatHeardNothingOfWhatOthersPublishStandsInTheReportsWarnings) {
  Training run;
  run.bus.on<Metric>().named("at_map") | filter(named("val/mAP")) |
      decide(run.control, [](const Metric&) { return Stop{"good"}; });
  run.bus.on<EpochEnd>() | subscribe([&](const EpochEnd& e) {
    run.bus.publish(Metric{.step = e.step, .value = 1, .metric = intern("val/mAP")});
  });
  const TrainingReport report = run.fit();
  EXPECT_TRUE(report.failed().empty());
  ASSERT_EQ(report.warnings().size(), 1u);
  EXPECT_NE(report.warnings()[0].find("'at_map'"), std::string::npos) << report.warnings()[0];
  EXPECT_NE(report.warnings()[0].find("'val/mAP'"), std::string::npos) << report.warnings()[0];
  EXPECT_TRUE(Training().fit().warnings().empty());
}

TEST(Trainer, ThatIsBrokenOffSaysSoAndKeepsItsLastWholeCheckpoint) {
  ScratchFolder folder;
  Training run(small(3));
  std::vector<std::string> raised;
  run.bus.on<ExceptionRaised>() | subscribe([&](const ExceptionRaised& e) { raised.emplace_back(e.what.text()); });
  run.trainer.on<Unfreeze>([](const Unfreeze&) { throw std::runtime_error("the device is gone"); });
  const Callback late = ask_at<BatchEnd>([](const BatchEnd& e) -> std::optional<Unfreeze> {
    if (e.step == 20) return Unfreeze{};
    return {};
  });
  try {
    run.fit({model_checkpoint(), late}, {.out = folder.path()});
    FAIL() << "it went on";
  } catch (const TrainingError& error) {
    EXPECT_STREQ(error.what(), "the device is gone");
    EXPECT_EQ(error.step, 22);
    EXPECT_EQ(error.report.state, "failed");
  }
  EXPECT_EQ(raised, std::vector<std::string>{"the device is gone"});
  const auto last = SafetensorsFile::read(folder / "checkpoints/last.safetensors");
  EXPECT_EQ(CheckpointState::from_text(last.text(checkpoint_key)).step, 15);
  EXPECT_NE(read_text(folder / "report.json").find("\"state\": \"failed\""), std::string::npos);
}

TEST(Trainer, RefusesADeciderThatLooksAtTheClockBeforeItBegins) {
  Training run;
  run.bus.on<BatchEnd>() | throttle(std::chrono::seconds(1)) |
      decide(run.control, [](const BatchEnd&) { return Stop{}; });
  EXPECT_EQ(complaint<ControlError>([&] { run.fit(); }),
            "pipeline BatchEnd -> throttle(1000000000) -> BatchEnd -> decide decides and has an operator that depends "
            "on the wall clock: under lag:2 no two runs would be equal. Take the operator out, say .sync = relaxed, or "
            "decide(control, f, {.wall_time = true}).");
  EXPECT_TRUE(run.said.empty());
}

}  // namespace
}  // namespace sidestep
