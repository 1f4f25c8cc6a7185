// On a device, through the trainer: a resumed run gets the session that its checkpoint's algorithms ask for.
#include <gtest/gtest.h>

#include <sidestep/trainer/all.hpp>
#include <sidestep/trainer/trainer_state.hpp>

#include <scratch_folder.hpp>
#include <trainer/small_data.hpp>

namespace sidestep {
namespace {

using namespace test;

TEST(DeviceFit, ResumesInASessionOfItsOwnAndEndsWithTheSameFile) {
  const auto trainer = [](std::int64_t steps) {  // 480 images in batches of 50: the last one has 30
    return Trainer(lenet(), small_data(),
                   {.backend = "cuda-emulated", .epochs = 2, .max_steps = steps, .batch_size = 50, .sync = lag(2)});
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

TEST(DeviceFit, Tf32ReachesTheDevice) {
  const auto trained = [](bool tf32) {
    const ScratchFolder out;
    Trainer trainer(lenet(), small_data(),
                    {.backend = "cuda-emulated", .epochs = 1, .max_steps = 2, .batch_size = 8, .tf32 = tf32});
    Bus bus;
    Control control;
    EXPECT_EQ(trainer.fit(bus, control, {model_checkpoint()}, {.out = out.path()}).state, "finished");
    return SafetensorsFile::read(out / "checkpoints/last.safetensors").text(trainer_key);
  };
  // an algorithm's number with 300 added computes in single precision throughout
  EXPECT_NE(trained(false).find(".forward@8=301"), std::string::npos);
  const std::string rounded = trained(true);
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
