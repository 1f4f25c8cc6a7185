// The two backends on the same way, for longer than one step.
#include <chrono>

#include "session_support.hpp"

namespace sidestep::kernels::cuda::test {
namespace {

/// Trains both with SGD on the same batches, and returns the largest relative difference of a loss.
double largest_difference(const NetworkSpec& spec, int steps, double rate) {
  const Images images(spec, 640, 3);
  const Optimizer optimizer = Sgd{};
  const auto device = make(spec, {.optimizer = optimizer});
  const auto cpu = make_cpu_session(spec, {.optimizer = optimizer, .seed = 4, .threads = 2, .path = CpuPath::portable});
  const DataId on_device = device->attach(images.view), on_cpu = cpu->attach(images.view);
  double largest = 0, seconds = 0;
  for (int i = 0; i < steps; ++i) {
    const auto batch = range(static_cast<std::uint32_t>(i % 10 * 64), 64);
    const auto number = static_cast<std::uint64_t>(i + 1);
    const auto begin = std::chrono::steady_clock::now();
    const double found = step(*device, on_device, batch, number, rate).loss;
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const double expected = step(*cpu, on_cpu, batch, number, rate).loss;
    largest = std::max(largest, std::abs(found - expected) / expected);
  }
  testing::Test::RecordProperty("emulated_steps_per_second", std::to_string(steps / seconds));
  std::printf("largest relative difference of a loss: %.2g; %.1f emulated steps a second\n", largest, steps / seconds);
  return largest;
}

TEST(CudaAndCpu, FiftyStepsOfLenetAgree) { EXPECT_LE(largest_difference(lenet(), 50, 1e-3), 1e-4); }

TEST(CudaAndCpu, FiftyStepsOfResnet8Agree) { EXPECT_LE(largest_difference(resnet8(), 50, 1e-3), 1e-3); }

}  // namespace
}  // namespace sidestep::kernels::cuda::test
