// What the user of a loop is told of what he hung on it, and of the run that he goes on with.
#include "small_run.hpp"

#include <initializer_list>

namespace sidestep::test::told {
namespace {

using Sentences = std::vector<std::string>;

/// Is there one sentence, and are all these words in it? It itself where not.
testing::AssertionResult one_sentence(const auto& sentences, std::initializer_list<std::string_view> words) {
  if (sentences.size() != 1) return testing::AssertionFailure() << sentences.size() << " sentences";
  for (const std::string_view word : words)
    if (sentences[0].find(word) == std::string::npos)
      return testing::AssertionFailure() << "no '" << word << "' in: " << sentences[0];
  return testing::AssertionSuccess();
}
testing::AssertionResult no_sentence(const auto& sentences) {
  return sentences.empty() ? testing::AssertionSuccess() : testing::AssertionFailure() << sentences[0];
}

constexpr auto never = [](const auto&) { return false; };
constexpr auto stop = [](const auto&) { return Stop{"good enough"}; };

/// A loop of so many steps that publishes val/loss; `before` each of them.
void train(
    Loop& loop, Step steps, const std::function<void(Step)>& before = [](Step) {}) {
  loop.publish(FitBegin{.last_step = steps});
  for (Step step = 1; step <= steps && !loop.stopped(); ++step) {
    before(step);
    loop.publish(Metric{.step = step, .value = 1, .metric = intern("val/loss")}, BatchEnd{.step = step});
    loop.boundary();
  }
  if (!loop.stopped()) loop.publish(EpochEnd{.step = loop.step(), .partial = true});
  loop.finish();
}

TEST(Told, WhoWaitsForAMetricOfAnotherProducerIsToldThatItPassedByAndHowToSendIt) {
  Bus bus;
  Control control;
  bus.on<Metric>().named("at_map") | filter(named("val/mAP")) | decide(control, stop);
  auto detector = bus.producer("detector");
  auto loop = control.attach(bus, {.sync = lag(2)});
  train(loop, 3, [&](Step step) {
    detector.publish(Metric{.step = step, .value = 0.5, .metric = intern("val/mAP")});
    detector.publish(Metric{.step = step, .value = 0.5, .metric = intern("val/recall")});
    detector.publish(BatchEnd{.step = step});  // it doesn't listen to those
  });
  EXPECT_TRUE(one_sentence(loop.warnings(),
                           {"'at_map' decided nothing", "6 events", "loop.publish", "control.inject",
                            "Metric 'val/mAP' of producer 'detector', Metric 'val/recall' of producer 'detector'"}));
  EXPECT_TRUE(no_sentence(loop.failed())) << "it may well have had no reason to decide";
}

TEST(Told, NobodyIsToldWhoDecidedOrWhomNothingPassedBy) {
  Bus bus;
  Control control;
  bus.on<Metric>().named("decides") | filter(named("val/loss")) |
      decide(control, pure([](const Metric& m) {
               return m.step == 1 ? std::optional(SetLearningRate{.learning_rate = 1}) : std::nullopt;
             }));
  bus.on<BatchEnd>().named("elsewhere") | filter(never) | decide(control, stop);
  bus.on<Metric>().named("no_decider") | filter(named("val/mAP")) | subscribe(saved, [](const Metric&) {});
  auto detector = bus.producer("detector");
  auto loop = control.attach(bus, {.sync = lag(2)});
  loop.on<SetLearningRate>([](const SetLearningRate&) {});
  train(loop, 5, [&](Step step) { detector.publish(Metric{.step = step, .metric = intern("val/mAP")}); });
  EXPECT_TRUE(no_sentence(loop.warnings()));
}

TEST(Told, WhatWasPublishedBeforeAPipelineWasThereHasNotPassedItBy) {
  Bus bus({.thread = false});  // nobody reads before poll()
  Control control;
  auto detector = bus.producer("detector");
  detector.publish(Metric{.value = 1, .metric = intern("val/mAP")});
  const Handle late = bus.on<Metric>().named("late") | filter(named("val/mAP")) | decide(control, stop);
  bus.flush();
  EXPECT_EQ(late->passed_by(), 0u);
  detector.publish(Metric{.value = 1, .metric = intern("val/mAP")});
  bus.flush();
  EXPECT_EQ(late->passed_by(), 1u);
}

TEST(Told, OfManyKindsThatPassOneByTheFirstFewAreNamedAndAllAreCounted) {
  Bus bus;
  Control control;
  const Handle decider = bus.on<Metric, EpochEnd>().named("decider") | filter(never) | decide(control, stop);
  auto others = bus.producer("others");
  others.publish(EpochEnd{});
  for (int i = 0; i < 100; ++i) others.publish(Metric{.metric = intern("m" + std::to_string(i % 10))});
  bus.flush();
  EXPECT_EQ(decider->passed_by(), 101u);
  EXPECT_EQ(decider->passed_by_kinds(),
            (Sentences{"EpochEnd of producer 'others'", "Metric 'm0' of producer 'others'",
                       "Metric 'm1' of producer 'others'", "Metric 'm2' of producer 'others'"}));
}

TEST(Told, ThatWhichIsInjectedIsHeard) {
  Bus bus;
  Control control;
  bus.on<Metric>().named("at_map") | filter(named("val/mAP")) | decide(control, stop);
  auto loop = control.attach(bus, {.sync = lag(0)});
  train(loop, 9, [&](Step step) {
    if (step == 3) control.inject(Metric{.step = step, .value = 0.5, .metric = intern("val/mAP")});
  });
  EXPECT_TRUE(loop.stopped());
  EXPECT_TRUE(no_sentence(loop.warnings()));
}

TEST(Told, ADecisionThatNobodyCarriesOutIsAFailureOnceWithItsMend) {
  Bus bus;
  Control control;
  bus.on<BatchEnd>().named("unfreezes") | decide(control, note_at(1, {1, 2, 3}));
  auto loop = control.attach(bus, {.sync = lag(0)});
  train(loop, 5);
  EXPECT_EQ(loop.refused().size(), 3u);
  EXPECT_TRUE(
      one_sentence(loop.failed(), {"unfreezes asked for 'noted'", "no handler", "trainer.on<D>(f)", "loop.on<D>(f)"}));
}

// Those that nobody has named the bus calls pipeline, pipeline#2 ...: they are called by their chain.
TEST(Told, APipelineIsCalledByTheNameThatItsUserGaveIt) {
  Bus bus;
  Control control;
  const auto fails = pure([](const BatchEnd&) -> std::optional<Stop> { throw std::runtime_error("why"); });
  bus.on<BatchEnd>().named("pipelined") | decide(control, fails);
  bus.on<BatchEnd>() | decide(control, fails);
  bus.on<BatchEnd>().named("pipelines") | decide(control, note_at(1, {1}));
  auto loop = control.attach(bus, {.sync = lag(0)});
  train(loop, 3);
  const std::vector<std::string> failed = loop.failed();
  ASSERT_EQ(failed.size(), 3u);
  EXPECT_EQ(failed[0], "pipelined: why");
  EXPECT_TRUE(failed[1].starts_with("BatchEnd -> decide") && failed[1].ends_with(": why")) << failed[1];
  EXPECT_TRUE(failed[2].starts_with("pipelines asked for 'noted'")) << failed[2];
}

TEST(Told, ADecisionThatItsHandlerRefusesIsNoFailure) {
  Bus bus;
  Control control;
  bus.on<BatchEnd>().named("unfreezes") | decide(control, note_at(1, {1}));
  auto loop = control.attach(bus, {.sync = lag(0)});
  loop.on<Noted>([](const Noted&) { return Outcome::refuse("not now"); });
  train(loop, 3);
  EXPECT_EQ(loop.refused().size(), 1u);
  EXPECT_TRUE(no_sentence(loop.failed()));
}

TEST(Told, ACheckpointThatALoopWithoutASnapshotIsAskedForIsAFailure) {
  Bus bus;
  Control control;
  bus.on<BatchEnd>().named("saves") | take(1) |
      decide(control, [](const BatchEnd&) { return SaveCheckpoint{.file = "a"}; });
  auto loop = control.attach(bus, {.sync = lag(0)});
  train(loop, 3);
  EXPECT_TRUE(one_sentence(loop.failed(), {"saves asked for 'save_checkpoint'", ".snapshot"}));
}

CheckpointWriter write_text_of_state(const Cut&) {
  return
      [](const std::filesystem::path& path, const CheckpointState& state) { std::ofstream(path) << state.to_text(); };
}

/// The state in which a run ended that was stopped at step 5, or that ended there.
CheckpointState state_at_step_5(bool stopped) {
  Folder folder;
  Bus bus;
  Control control;
  if (stopped)
    bus.on<BatchEnd>().named("early") | decide(control, pure([](const BatchEnd& e) {
                                                 return e.step == 3 ? std::optional(Stop{"it is good"}) : std::nullopt;
                                               }));
  auto loop =
      control.attach(bus, {.sync = lag(2), .snapshot = write_text_of_state, .folder = folder.path(), .last = "last"});
  EXPECT_FALSE(loop.stopped_by());
  train(loop, stopped ? 9 : 5);
  EXPECT_EQ(loop.stopped_by().has_value(), stopped);
  return CheckpointState::from_text(read_file(folder.path() / "last"));
}

TEST(Told, WhoResumesARunThatWasStoppedLearnsWhereByWhomAndWhy) {
  Bus bus;
  Control control;
  auto loop = control.attach(bus, {.sync = lag(2)});
  loop.resume(state_at_step_5(true), "last");
  ASSERT_TRUE(loop.stopped_by());
  EXPECT_EQ(loop.stopped_by()->applied_step, 5);
  EXPECT_EQ(loop.stopped_by()->cause_step, 3);
  EXPECT_EQ(loop.stopped_by()->by, "early");
  EXPECT_EQ(loop.stopped_by()->reason, "it is good");
  EXPECT_FALSE(loop.stopped()) << "whether it goes on is its user's to say";
  EXPECT_TRUE(one_sentence(loop.warnings(), {"last", "early", "step 5", "(it is good)"}));
  loop.publish(FitBegin{.last_step = 7});
  loop.publish(BatchEnd{.step = 6});
  loop.boundary();
  EXPECT_FALSE(loop.stopped_by()) << "it has gone on";
  loop.publish(EpochEnd{.step = 6, .partial = true});
  loop.finish();
}

TEST(Told, WhoResumesARunThatWasNotStoppedIsToldNothing) {
  Bus bus;
  Control control;
  auto loop = control.attach(bus, {.sync = lag(2)});
  loop.resume(state_at_step_5(false), "last");
  EXPECT_EQ(loop.step(), 5);
  EXPECT_FALSE(loop.stopped_by());
  EXPECT_TRUE(no_sentence(loop.warnings()));
}

}  // namespace
}  // namespace sidestep::test::told
