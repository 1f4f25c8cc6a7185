// What a step costs the host, through the trainer: counted calls, not time.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

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

struct Cost {
  Calls calls;
  std::uint64_t applied = 0;  ///< decisions

  Cost& operator-=(const Cost& other) {
    for (const auto& [name, count] : other.calls) calls[name] -= count;
    applied -= other.applied;
    return *this;
  }
};

/// What a run costs that ends within its first epoch of 60 steps.
Cost cost_of_a_run(std::int64_t steps, Sync sync, const std::vector<Callback>& callbacks) {
  Cost cost{.calls = calls_so_far()};
  for (auto& [name, count] : cost.calls) count = 0 - count;
  Trainer trainer(lenet(), small_data(),
                  {.backend = "cuda-emulated", .epochs = 1, .max_steps = steps, .batch_size = 8, .sync = sync});
  Bus bus;
  Control control;
  std::atomic<std::uint64_t> applied = 0;
  bus.on<DecisionApplied>() | subscribe([&](const DecisionApplied&) { ++applied; });
  EXPECT_EQ(trainer.fit(bus, control, callbacks).state, "finished");
  for (const auto& [name, count] : calls_so_far()) cost.calls[name] += count;
  cost.applied = applied;
  return cost;
}

/// What 40 steps more cost.
Cost cost_of_forty_steps(Sync sync, const std::vector<Callback>& callbacks) {
  const Cost few = cost_of_a_run(10, sync, callbacks);
  Cost many = cost_of_a_run(50, sync, callbacks);
  EXPECT_GT(few.calls.at("cudaGraphLaunch"), 0u) << "the trainer has opened another library";
  many -= few;
  return many;
}

std::string spelled(const auto& info) { return std::string(info.param).substr(0, 3) + info.param[4]; }

class DeviceCost : public testing::TestWithParam<const char*> {};

TEST_P(DeviceCost, OfAStepIsOneGraphLaunchWhateverTheLearningRate) {
  // no loss is so much better: it is lowered at the 7th look, step 14, and every 6 looks from then on
  const auto lowered =
      reduce_lr_on_plateau({.monitor = "batch/loss", .factor = 0.9, .patience = 6, .min_delta = 100, .at = batches(2)});
  Cost cost = cost_of_forty_steps(parse_sync(GetParam()), {lowered});
  EXPECT_GT(cost.applied, 0u);
  EXPECT_EQ(cost.calls["cudaGraphLaunch"], 40u);
  for (const auto& [name, count] : cost.calls) {
    // a query asks whether the stream is well, four times in a second in which no record comes; it waits for nothing
    if (name == "cudaGraphLaunch" || name == "cudaStreamQuery") continue;
    EXPECT_EQ(count, 0u) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Sync, DeviceCost, testing::Values("lag:0", "lag:2", "relaxed"),
                         spelled<testing::TestParamInfo<const char*>>);

class DeviceCostOfKeptWeights : public testing::TestWithParam<const char*> {};

TEST_P(DeviceCostOfKeptWeights, IsOneCopyThatNobodyWaitsFor) {
  const Callback keep{"keep", "", [](CallbackContext& run) {
                        run.on<BatchEnd>() | decide(run.control, pure([](const BatchEnd& e) {
                                                      return e.step % 4 == 0
                                                                 ? std::optional(KeepWeights{.owner = "test"})
                                                                 : std::nullopt;
                                                    }));
                      }};
  Cost cost = cost_of_forty_steps(parse_sync(GetParam()), {keep});
  EXPECT_EQ(cost.applied, 10u);
  EXPECT_EQ(cost.calls["cudaMemcpyAsync"], 10u);
  for (const auto& [name, count] : cost.calls) {
    if (name == "cudaGraphLaunch" || name == "cudaStreamQuery" || name == "cudaMemcpyAsync") continue;
    if (name == "cudaEventRecord") continue;
    EXPECT_EQ(count, 0u) << name;
  }
}

TEST_P(DeviceCostOfKeptWeights, NorDoesPuttingThemBackOrAValidationCostACaptureOrMemory) {
  const Callback keep{
      "keep", "", [](CallbackContext& run) {
        run.on<BatchEnd>().named("keep") | decide(run.control, pure([](const BatchEnd& e) {
                                                    return e.step % 8 == 1 ? std::optional(KeepWeights{.owner = "test"})
                                                                           : std::nullopt;
                                                  }));
        run.on<BatchEnd>().named("restore") |
            decide(run.control, pure([](const BatchEnd& e) {
                     return e.step % 8 == 5 ? std::optional(RestoreBest{.owner = "test", .cause_step = e.step - 4})
                                            : std::nullopt;
                   }));
        run.on<BatchEnd>().named("validate") |
            decide(run.control,
                   pure([](const BatchEnd& e) { return e.step % 8 == 7 ? std::optional(Validate{}) : std::nullopt; }));
      }};
  Cost cost = cost_of_forty_steps(parse_sync(GetParam()), {keep});
  EXPECT_EQ(cost.applied, 15u);  // five of each
  EXPECT_EQ(cost.calls["cudaGraphLaunch"], 40u);
  EXPECT_EQ(cost.calls["cudaMemcpyAsync"], 10u);
  for (const char* name : {"cudaStreamBeginCapture", "cudaGraphInstantiate", "cudaGraphUpload", "cudaStreamSynchronize",
                           "cudaMallocFromPoolAsync", "cudaFreeAsync", "cudaHostAlloc", "cudaFreeHost"})
    EXPECT_EQ(cost.calls[name], 0u) << name;
}

INSTANTIATE_TEST_SUITE_P(Sync, DeviceCostOfKeptWeights, testing::Values("lag:0", "lag:2"),
                         spelled<testing::TestParamInfo<const char*>>);

}  // namespace
}  // namespace sidestep
