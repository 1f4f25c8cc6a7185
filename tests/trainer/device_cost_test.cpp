// What a step costs the host, through the trainer: counted calls, not time.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include <trainer/small_data.hpp>
#include <sidestep/trainer/all.hpp>

namespace sidestep {
namespace {

using namespace test;
using Calls = std::map<std::string, std::uint64_t>;

Calls calls_so_far() {
  static auto* const ask = [] {
    // the same file that the trainer opens, which lies beside this program
    void* library =
        dlopen((std::filesystem::read_symlink("/proc/self/exe").parent_path() / "libsidestep_cuda_emulated.so").c_str(),
               RTLD_NOW | RTLD_LOCAL);
    return library ? reinterpret_cast<void (*)(Calls&)>(dlsym(library, "device_calls")) : nullptr;
  }();
  Calls calls;
  if (ask) ask(calls);
  return calls;
}

/// The calls of a run that ends within its first epoch of 60 steps.
Calls calls_of_a_run(std::int64_t steps, Sync sync) {
  const Calls before = calls_so_far();
  Trainer trainer(lenet(), small_data(),
                  {.backend = "cuda-emulated", .epochs = 1, .max_steps = steps, .batch_size = 8, .sync = sync});
  Bus bus;
  Control control;
  EXPECT_EQ(trainer.fit(bus, control, {reduce_lr_on_plateau({.monitor = "batch/loss", .at = batches(2)})}).state,
            "finished");
  Calls calls = calls_so_far();
  for (const auto& [name, count] : before) calls[name] -= count;
  return calls;
}

class DeviceCost : public testing::TestWithParam<const char*> {};

TEST_P(DeviceCost, OfAStepIsOneGraphLaunch) {
  const Sync sync = parse_sync(GetParam());
  const Calls few = calls_of_a_run(10, sync);
  Calls many = calls_of_a_run(50, sync);
  ASSERT_GT(few.at("cudaGraphLaunch"), 0u) << "the trainer has opened another library";
  for (const auto& [name, count] : few) many[name] -= count;
  EXPECT_EQ(many["cudaGraphLaunch"], 40u);
  for (const auto& [name, count] : many) {
    // a query asks whether the stream is well, four times in a second in which no record comes; it waits for nothing
    if (name == "cudaGraphLaunch" || name == "cudaStreamQuery") continue;
    EXPECT_EQ(count, 0u) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Sync, DeviceCost, testing::Values("lag:0", "lag:2", "relaxed"),
                         [](const auto& info) { return std::string(info.param).substr(0, 3) + info.param[4]; });

}  // namespace
}  // namespace sidestep
