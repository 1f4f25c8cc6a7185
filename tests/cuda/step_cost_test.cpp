// The benchmark's counts of work, by hand, and its peaks against NVIDIA's data sheets.
#include <gtest/gtest.h>

#include "bench/step_cost.hpp"
#include "kernels/support.hpp"

namespace sidestep::bench {
namespace {

using kernels::AdamW;
using kernels::Sgd;

TEST(StepCost, CountsTheProductsOfLenetAndResnet8) {
  // a sample, forward: 25 x 16 x 784, 25 x 16 x 32 x 196, 1568 x 128, 128 x 10 multiplications
  const double first = 2 * 25. * 16 * 784, others = 2 * (25. * 16 * 32 * 196 + 1568. * 128 + 128. * 10);
  EXPECT_DOUBLE_EQ(step_cost(kernels::test::lenet(), 64, AdamW{}).flops, 64 * (2 * first + 3 * others));

  const double begin = 2 * 9. * 16 * 784, one = 2 * 2 * 9. * 16 * 16 * 784,
               two = 2 * (9. * 16 * 32 + 9. * 32 * 32 + 16. * 32) * 196,
               three = 2 * (9. * 32 * 64 + 9. * 64 * 64 + 32. * 64) * 49, end = 2 * 64. * 10;
  EXPECT_DOUBLE_EQ(step_cost(kernels::test::resnet8(), 2, Sgd{}).flops,
                   2 * (2 * begin + 3 * (one + two + three + end)));
}

TEST(StepCost, CountsTheBytesOfAPerceptron) {
  const kernels::NetworkSpec spec{{1, 2, 3}, {kernels::Dense{5}, kernels::Dense{4, false}}};
  // values a sample: the input as bytes and floats; inputs and outputs of two products, then of three; ReLU and biases
  const double sample = 6 * 1.25 + 2 * (6 + 5) + 3 * 5 + 3 * (5 + 4) + 4;
  const double weights = 2 * 30 + 3 * 20, parameters = 30 + 5 + 20 + 4;
  EXPECT_DOUBLE_EQ(step_cost(spec, 7, AdamW{}).bytes, 4 * (7 * sample + weights + 8 * parameters));
  EXPECT_DOUBLE_EQ(step_cost(spec, 7, Sgd{}).bytes, 4 * (7 * sample + weights + 6 * parameters));
}

Peaks peaks_of(int major, int multiprocessors, int clock_khz, int memory_clock_khz) {
  kernels::CudaStatus device;
  device.compute_major = major;
  device.multiprocessors = multiprocessors;
  device.clock_khz = clock_khz;
  device.memory_clock_khz = memory_clock_khz;
  device.memory_bus_bits = 5120;
  return peaks(device);
}

TEST(StepCost, PeaksAreTheDataSheets) {
  // A100 SXM 80 GB: 19.5 and 156 TFLOP/s, 2,039 GB/s
  const Peaks a100 = peaks_of(8, 108, 1'410'000, 1'593'000);
  EXPECT_NEAR(a100.fp32, 19.5e12, 0.05e12);
  EXPECT_NEAR(a100.tf32, 156e12, 1e12);
  EXPECT_NEAR(a100.bandwidth, 2039e9, 1e9);
  // H100 SXM: 66.9 TFLOP/s, 3.35 TB/s; 494.7 TFLOP/s of TF32 at 1.83 GHz
  const Peaks h100 = peaks_of(9, 132, 1'980'000, 2'619'000);
  EXPECT_NEAR(h100.fp32, 66.9e12, 0.1e12);
  EXPECT_NEAR(h100.tf32 * 1.83 / 1.98, 494.7e12, 1e12);
  EXPECT_NEAR(h100.bandwidth, 3.35e12, 0.01e12);
  // what isn't known is no peak
  EXPECT_EQ(peaks(kernels::CudaStatus{}).fp32, 0);
  EXPECT_EQ(peaks_of(11, 1, 1, 1).tf32, 0);
}

}  // namespace
}  // namespace sidestep::bench
