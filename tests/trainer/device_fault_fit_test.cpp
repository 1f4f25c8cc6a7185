// A kernel that fails in the middle of a run, through the trainer: what was done before is delivered.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include <sidestep/trainer/all.hpp>

#include <scratch_folder.hpp>
#include <trainer/small_data.hpp>

namespace sidestep {
namespace {

using namespace test;
using Fails = void (*)(const char*, std::uint64_t);

/// Of the library that the trainer opens, which lies beside this program.
Fails device_fails() {
  void* library =
      dlopen((std::filesystem::read_symlink("/proc/self/exe").parent_path() / "libsidestep_cuda_emulated.so").c_str(),
             RTLD_NOW | RTLD_LOCAL);
  return library ? reinterpret_cast<Fails>(dlsym(library, "device_fails")) : nullptr;
}

class DeviceFaultInAFit : public testing::TestWithParam<const char*> {};

TEST_P(DeviceFaultInAFit, DeliversEveryStepBeforeItAndKeepsTheLastWholeCheckpoint) {
  const Fails fails = device_fails();
  ASSERT_NE(fails, nullptr);
  constexpr Step broken = 14;  // an epoch has 10 steps
  const ScratchFolder out;
  std::vector<std::string> seen, expected;
  Step done = -1;
  {
    Trainer trainer(lenet(), small_data(),
                    {.backend = "cuda-emulated", .epochs = 2, .batch_size = 48, .sync = parse_sync(GetParam())});
    fails("update_all", static_cast<std::uint64_t>(broken));
    Bus bus;
    Control control;
    bus.on<BatchEnd, ExceptionRaised>() | subscribe([&](const auto& any) {
      any.visit([&](const auto& e) { seen.push_back(std::string(e.name) + std::to_string(e.step)); });
    });
    try {
      trainer.fit(bus, control, {model_checkpoint()}, {.out = out.path()});
      ADD_FAILURE() << "nobody noticed";
    } catch (const TrainingError& error) {
      done = error.step;
      EXPECT_NE(std::string(error.what()).find("training step 14"), std::string::npos) << error.what();
      EXPECT_EQ(error.report.state, "failed");
    }
  }
  fails(nullptr, 0);
  for (Step step = 1; step < broken; ++step) expected.push_back("BatchEnd" + std::to_string(step));
  expected.push_back("ExceptionRaised" + std::to_string(broken - 1));
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(done, broken - 1);
  Trainer again(lenet(), small_data(),
                {.backend = "cuda-emulated", .epochs = 2, .batch_size = 48, .sync = parse_sync(GetParam())});
  Bus bus;
  Control control;
  EXPECT_EQ(again.fit(bus, control, {}, {.out = out.path(), .resume = true}).state, "finished");
}

INSTANTIATE_TEST_SUITE_P(Sync, DeviceFaultInAFit, testing::Values("lag:0", "lag:2", "relaxed"),
                         [](const auto& info) { return std::string(info.param).substr(0, 3) + info.param[4]; });

}  // namespace
}  // namespace sidestep
