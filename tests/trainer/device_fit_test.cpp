// On a device, through the trainer: a resumed run gets the session that its checkpoint's algorithms ask for.
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <sidestep/trainer/all.hpp>
#include <sidestep/trainer/trainer_state.hpp>

#include <scratch_folder.hpp>
#include <trainer/small_data.hpp>

#ifndef SIDESTEP_TEST_BACKEND
#define SIDESTEP_TEST_BACKEND "cuda-emulated"
#endif

namespace sidestep {
namespace {

using namespace test;

constexpr std::string_view backend = SIDESTEP_TEST_BACKEND;
constexpr bool emulated = backend == "cuda-emulated";

TEST(DeviceFit, ResumesInASessionOfItsOwnAndEndsWithTheSameFile) {
  const auto trainer = [](std::int64_t steps) {  // 480 images in batches of 50: the last one has 30
    return Trainer(
        lenet(), small_data(),
        {.backend = std::string(backend), .epochs = 2, .max_steps = steps, .batch_size = 50, .sync = lag(2)});
  };
  const auto fit = [](Trainer& trainer, const std::filesystem::path& out, bool resume) {
    Bus bus;
    Control control;
    return trainer.fit(bus, control, {model_checkpoint()}, {.out = out, .resume = resume});
  };
  ScratchFolder whole, parts;
  Trainer once = trainer(14);
  const TrainingReport expected = fit(once, whole.path(), false);
  Trainer first = trainer(4);
  fit(first, parts.path(), false);
  Trainer second = trainer(14);
  const TrainingReport report = fit(second, parts.path(), true);
  EXPECT_EQ(report.epochs.size(), expected.epochs.size());
  EXPECT_EQ(report.test, expected.test);
  EXPECT_EQ(second.test(), once.test()) << "what stands after the run is the session that ran";
  const auto file = "checkpoints/last.safetensors";
  EXPECT_EQ(read_text(parts / file), read_text(whole / file));
}

TEST(DeviceFit, TheBestWeightsArePutBackThoughStepsWereUnderWay) {
  const auto options = [](std::int64_t steps) {
    return TrainerOptions{
        .backend = std::string(backend), .epochs = 2, .max_steps = steps, .batch_size = 50, .sync = lag(2)};
  };
  std::optional<Step> kept, stopped;
  // no later loss is so much better than the first one it looks at: weights are kept once, and put back at the end
  const Callback stop = early_stopping(
      {.monitor = "batch/loss", .min_delta = 100, .patience = 2, .restore_best_weights = true, .at = batches(2)});
  Trainer trainer(lenet(), small_data(), options(20));
  TrainingReport report;
  {
    Bus bus;
    Control control;
    std::vector<std::string> refused;
    bus.on<DecisionRefused>() | subscribe([&](const DecisionRefused& e) { refused.emplace_back(e.why.text()); });
    bus.on<DecisionApplied>() | subscribe([&](const DecisionApplied& e) {
      if (e.decision.text() == KeepWeights::decision) kept = e.applied_step;
      if (e.decision.text() == Stop::decision) stopped = e.applied_step;
    });
    report = trainer.fit(bus, control, {stop});
    EXPECT_TRUE(refused.empty()) << refused.front();
  }
  ASSERT_TRUE(kept && stopped);
  EXPECT_LT(*kept, *stopped);
  Trainer until_kept(lenet(), small_data(), options(*kept));
  Bus bus;
  Control control;
  EXPECT_EQ(report.test, until_kept.fit(bus, control, {}).test);
  ASSERT_TRUE(report.json["device_ms_per_step"].is_number());
  EXPECT_GT(report.json["device_ms_per_step"].get<double>(), 0);
}

TEST(DeviceFit, ACheckpointOfAnotherCublasLtGoesOnWithAWarning) {
  const auto fit = [](std::int64_t steps, const std::filesystem::path& out, bool resume) {
    Trainer trainer(
        lenet(), small_data(),
        {.backend = std::string(backend), .epochs = 1, .max_steps = steps, .batch_size = 50, .sync = lag(2)});
    Bus bus;
    Control control;
    return trainer.fit(bus, control, {model_checkpoint()}, {.out = out, .resume = resume}).json["warnings"].dump();
  };
  const ScratchFolder out;
  EXPECT_EQ(fit(3, out.path(), false).find("cuBLASLt"), std::string::npos);
  EXPECT_EQ(fit(4, out.path(), true).find("cuBLASLt"), std::string::npos) << "the same version";
  const auto file = out / "checkpoints/last.safetensors";
  {
    const SafetensorsFile whole = SafetensorsFile::read(file);
    std::vector<Tensor> tensors;
    for (const auto& [name, tensor] : whole.tensors()) tensors.push_back(tensor);
    Metadata metadata = whole.metadata();
    std::string& state = metadata.at(trainer_key);
    const auto at = state.find("cublaslt=");
    ASSERT_NE(at, std::string::npos);
    state[at + 9] = '9';
    write_safetensors(out / "edited", tensors, metadata);
  }
  std::filesystem::rename(out / "edited", file);
  const std::string said = fit(5, out.path(), true);
  EXPECT_NE(said.find("was written with cuBLASLt 9"), std::string::npos) << said;
}

/// `count` images of 28x28 in noise.
std::pair<IdxArray, IdxArray> large_images(std::uint32_t count) {
  std::mt19937 random(count);
  IdxArray images{{count, 28, 28}, std::vector<std::uint8_t>(count * 28 * 28)}, labels{{count}, {}};
  for (auto& byte : images.bytes) byte = static_cast<std::uint8_t>(random());
  for (std::uint32_t i = 0; i < count; ++i) labels.bytes.push_back(static_cast<std::uint8_t>(i % 10));
  return {std::move(images), std::move(labels)};
}

TEST(DeviceFit, MemoryGivenBackBehindALargeEvaluationIsCounted) {
  auto [train_images, train_labels] = large_images(12 * 64);  // 64 of them for validation: 6 MB of activations
  auto [test_images, test_labels] = large_images(20);
  Trainer trainer(lenet(),
                  Dataset(std::move(train_images), std::move(train_labels), std::move(test_images),
                          std::move(test_labels), "large"),
                  {.backend = std::string(backend), .epochs = 2, .limit_train = 8, .batch_size = 4, .sync = lag(2)});
  std::vector<MemoryReleased> released;
  {
    Bus bus;
    Control control;
    bus.on<MemoryReleased>() | subscribe([&](const MemoryReleased& e) { released.push_back(e); });
    EXPECT_EQ(trainer.fit(bus, control, {memory_release()}).state, "finished");
  }
  ASSERT_FALSE(released.empty());
  EXPECT_EQ(released[0].step, 2);
  for (const auto& event : released)  // a device's pools give back whole pieces of megabytes only
    EXPECT_GE(event.bytes_released, emulated ? 4'000'000 : 0) << "at step " << event.step;
}

TEST(DeviceFit, Tf32ReachesTheDevice) {
  const auto trained = [](bool tf32) {
    const ScratchFolder out;
    Trainer trainer(lenet(), small_data(),
                    {.backend = std::string(backend), .epochs = 1, .max_steps = 2, .batch_size = 8, .tf32 = tf32});
    Bus bus;
    Control control;
    EXPECT_EQ(trainer.fit(bus, control, {model_checkpoint()}, {.out = out.path()}).state, "finished");
    return SafetensorsFile::read(out / "checkpoints/last.safetensors").text(trainer_key);
  };
  // an algorithm's number with 300 added computes in single precision throughout
  const std::string exact = trained(false), rounded = trained(true);
  if (!emulated) return;  // a device's heuristics may find single precision as fast
  EXPECT_NE(exact.find(".forward@8=301"), std::string::npos);
  EXPECT_NE(rounded.find(".forward@8=1"), std::string::npos) << rounded;
  EXPECT_EQ(rounded.find(".forward@8=301"), std::string::npos) << rounded;
}

TEST(DeviceFit, Tf32IsNotForTheCpu) {
  try {
    const Trainer trainer(lenet(), small_data(), {.backend = "cpu", .tf32 = true});
    ADD_FAILURE() << "it is taken";
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(std::string(error.what()).find("tf32 is for devices"), 0u) << error.what();
  }
}

}  // namespace
}  // namespace sidestep
