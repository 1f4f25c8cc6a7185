#include "callbacks/fake_run.hpp"
#include "scratch_folder.hpp"

#include <sidestep/operators/pipe.hpp>
#include <sidestep/operators/subscribe.hpp>
#include <sidestep/trainer/callbacks/lambda.hpp>
#include <sidestep/trainer/callbacks/memory_release.hpp>
#include <sidestep/trainer/callbacks/model_checkpoint.hpp>
#include <sidestep/trainer/control/decide.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

namespace sidestep::test {
namespace {

TEST(Lambda, CallsEachFunctionInTheOrderOfTheEvents) {
  ScratchFolder folder;
  std::string seen;
  FakeRun run{.callbacks = {lambda({.on_fit_begin = [&](const FitBegin&) { seen += "( "; },
                                    .on_fit_end = [&](const FitEnd&) { seen += ")"; },
                                    .on_epoch_end = [&](const EpochEnd& e) { seen += fmt::format("e{} ", e.epoch); },
                                    .on_batch_end = [&](const BatchEnd& e) { seen += fmt::format("{} ", e.step); }})}};
  run.steps = 4;
  run.steps_per_epoch = 2;
  run.go();
  EXPECT_EQ(seen, "( 1 2 e1 3 4 e2 )");
}

TEST(Lambda, SeesOtherStreamsToo) {
  ScratchFolder folder;
  std::vector<std::string> saved;
  FakeRun run{.callbacks = {lambda({.on_checkpoint_saved =
                                        [&](const CheckpointSaved& e) { saved.emplace_back(e.file.text()); }}),
                            model_checkpoint()},
              .folder = folder.path()};
  run.steps = 5;
  run.go();
  EXPECT_EQ(saved, (std::vector<std::string>{"best.safetensors", "last.safetensors"}));
}

TEST(Lambda, HearsWhatRarelyHappensToo) {
  ScratchFolder folder;
  FakeRun first{.callbacks = {model_checkpoint()}, .folder = folder.path()};
  first.steps = 5;
  first.go();
  std::vector<std::string> told;
  const Callback tells = lambda({
      .on_checkpoint_loaded = [&](const CheckpointLoaded& e) { told.push_back(fmt::format("loaded at {}", e.step)); },
      .on_decision_refused =
          [&](const DecisionRefused& e) { told.push_back(fmt::format("refused {}", e.decision.text())); },
      .on_pipeline_failed =
          [&](const PipelineFailed& e) { told.push_back(fmt::format("{} failed", e.pipeline.text())); },
      .on_exception_raised = [&](const ExceptionRaised& e) { told.push_back(fmt::format("raised {}", e.what.text())); },
      .on_memory_released = [&](const MemoryReleased& e) { told.push_back(fmt::format("{} bytes", e.bytes_released)); },
  });
  const Callback asks{"asks", "", [](CallbackContext& run) {
                        run.on<EpochEnd>() | decide(run.control, [](const EpochEnd&) { return Validate{}; });
                      }};
  const Callback throws{"throws", "", [](CallbackContext& run) {
                          run.on<EpochEnd>() | subscribe([](const EpochEnd&) { throw std::runtime_error("mine"); });
                        }};
  FakeRun run{
      .callbacks = {tells, memory_release(), asks, throws}, .folder = folder.path(), .steps = 10, .resume = true};
  run.at_end = [](Bus& bus) { bus.publish(ExceptionRaised{.step = 10, .what = intern("the end")}); };
  run.go();
  std::ranges::sort(told);
  EXPECT_EQ(told, (std::vector<std::string>{"4096 bytes", "loaded at 5", "raised the end", "refused validate",
                                            "throws failed"}));
}

TEST(Lambda, DoesWhatItsPageShows) {
  ScratchFolder folder;
  std::vector<std::string> told;
  const Callback tells = lambda({
      .on_epoch_end = [&](const EpochEnd& e) { told.push_back(fmt::format("epoch {} is over", e.epoch)); },
      .on_checkpoint_saved = [&](const CheckpointSaved& e) { told.push_back(fmt::format("saved {}", e.file.text())); },
  });
  FakeRun run{.callbacks = {tells, model_checkpoint({.save_top_k = 0})}, .folder = folder.path()};
  run.steps = 5;
  run.go();
  std::ranges::sort(told);  // when a checkpoint is visible, its writer's thread decides
  EXPECT_EQ(told, (std::vector<std::string>{"epoch 1 is over", "saved last.safetensors"}));
}

TEST(Lambda, AThrowIsReportedAndTrainingGoesOn) {
  FakeRun run{.callbacks = {lambda({.on_batch_end = [](const BatchEnd&) { throw std::runtime_error("mine"); }})}};
  run.go();
  EXPECT_EQ(run.failures, std::vector<std::string>{"lambda: mine"});
  EXPECT_EQ(run.last_step, 20);
}

TEST(Lambda, WithoutFunctionsIsNothing) {
  FakeRun run{.callbacks = {lambda({})}};
  run.go();
  EXPECT_EQ(run.failures, std::vector<std::string>{});
}

}  // namespace
}  // namespace sidestep::test
