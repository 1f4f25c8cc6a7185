#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <scratch_folder.hpp>
#include <sidestep/trainer/control/safetensors.hpp>
#include <sidestep/trainer/trainer_state.hpp>

namespace sidestep {
namespace {

using namespace test;

TEST(LearningRate, ScalesDownToTheLeastRateAndNeverUp) {
  LearningRate rate{.schedule = {.base = 0.1}};
  rate.scale(0.5, 0, 1);
  EXPECT_DOUBLE_EQ(rate.at(1), 0.05);
  rate.scale(0.1, 0.02, 1);
  EXPECT_DOUBLE_EQ(rate.at(1), 0.02);
  rate.scale(0.5, 0.03, 1);
  EXPECT_DOUBLE_EQ(rate.at(1), 0.02);
  rate.scale(2, 0, 1);
  EXPECT_DOUBLE_EQ(rate.at(1), 0.02);
  rate.scale(std::nan(""), 0, 1);
  EXPECT_DOUBLE_EQ(rate.at(1), 0.02);
}

TEST(LearningRate, TheLeastRateIsThatOfTheStepWhereScalingActs) {
  LearningRate rate{.schedule = {.shape = Schedule::Shape::step, .base = 0.1, .factor = 0.1, .every = 10}};
  rate.scale(0.1, 0.005, 11);  // 0.01 there
  EXPECT_DOUBLE_EQ(rate.at(11), 0.005);
  EXPECT_DOUBLE_EQ(rate.at(21), 0.0005);
}

TrainerState some_state() {
  TrainerState state;
  state.run = {"lenet", "adamw", ~std::uint64_t{0}, 128, 55'000, 0.1 + 0.2, "cosine:epochs=5"};
  state.pixels = {0.286F, 0.353F};
  state.step = 431;
  state.epoch = 2;
  state.batch = 1;
  state.sums = {0.1 + 0.2, 100, 128};
  state.learning_rate = {.schedule = {.shape = Schedule::Shape::cosine, .base = 2e-3, .length = 2150},
                         .factor = 1.0 / 3};
  state.last_rate = 0.1 * 3;
  state.epochs = {{.epoch = 1,
                   .step = 430,
                   .seconds = 1.5,
                   .samples = 9,
                   .learning_rate = 1e-3,
                   .train = {std::nan(""), 0.1},
                   .val = Score{-std::numeric_limits<double>::infinity(), 1e-300}}};
  state.kept["early_stopping"] = 430;
  return state;
}

TEST(TrainerState, ComesBackToTheLastBit) {
  const TrainerState state = some_state();
  const TrainerState read = TrainerState::from_text(state.to_text(), "here");
  EXPECT_EQ(read.run, state.run);
  EXPECT_EQ(read.pixels.mean, state.pixels.mean);
  EXPECT_EQ(read.pixels.deviation, state.pixels.deviation);
  EXPECT_EQ(read.step, 431);
  EXPECT_EQ(read.epoch, 2);
  EXPECT_EQ(read.batch, 1);
  EXPECT_EQ(read.sums, state.sums);
  EXPECT_EQ(read.learning_rate, state.learning_rate);
  EXPECT_EQ(read.last_rate, state.last_rate);
  EXPECT_EQ(read.kept, state.kept);
  ASSERT_EQ(read.epochs.size(), 1U);
  EXPECT_TRUE(std::isnan(read.epochs[0].train.loss));
  EXPECT_EQ(read.epochs[0].val, state.epochs[0].val);
  EXPECT_EQ(read.to_text(), state.to_text());
}

TEST(TrainerState, HoldsNoWallTime) {
  TrainerState state = some_state(), slower = some_state();
  slower.epochs[0].seconds = 99;
  EXPECT_EQ(state.to_text(), slower.to_text());
}

TEST(TrainerState, SaysWhereItCannotBeRead) {
  for (const char* text : {"", "[]", "{}", "{\"model\":1}"})
    EXPECT_TRUE(complaint<CheckpointError>([&] { TrainerState::from_text(text, "a/b"); }).starts_with("a/b: ")) << text;
}

TEST(Report, GivesBackItsEpochs) {
  ScratchFolder folder;
  TrainingReport report;
  report.json["epochs"] = {to_json(EpochResult{.epoch = 1, .step = 15, .seconds = 2.5, .samples = 480}),
                           to_json(EpochResult{.epoch = 2, .step = 20, .seconds = 0.5, .partial = true})};
  report.write(folder / "report.json");
  const auto rows = read_epochs(folder / "report.json");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].seconds, 2.5);
  EXPECT_EQ(rows[0].samples, 480);
  EXPECT_TRUE(rows[1].partial);
  EXPECT_EQ(rows[1].step, 20);
}

TEST(Report, ThatIsNoneHasNoEpochs) {
  ScratchFolder folder;
  EXPECT_TRUE(read_epochs(folder / "absent").empty());
  for (const char* text : {"", "[1", "{\"epochs\":3}", "{\"epochs\":[3]}"}) {
    write_text(folder / "report.json", text);
    EXPECT_TRUE(read_epochs(folder / "report.json").empty()) << text;
  }
}

}  // namespace
}  // namespace sidestep
