#include <cmath>

#include <sidestep/kernels/cuda/step_kernels.hpp>
#include <sidestep/kernels/cuda/step_ring.hpp>

#include "support.hpp"

namespace sidestep::kernels::cuda::test {
namespace {

TEST(CudaStepKernels, TakeTheBlockThatTheCounterNamesAndPublishItsRecord) {
  StepRing ring(3, 70, 0);
  const DeviceArray<DeviceStep> step(std::vector<DeviceStep>{DeviceStep{}});
  const DeviceArray<LossPart> parts(std::vector<LossPart>{{1.5, 2}, {2.5, 3}, {0.5, 0}});
  const DeviceArray<double> squares(std::vector<double>{9, 7});
  for (std::uint32_t n = 1; n <= 7; ++n) {  // more than twice around
    std::vector<std::uint32_t> indices(60 + n);
    for (std::uint32_t i = 0; i < indices.size(); ++i) indices[i] = 1000 * n + i;
    const auto samples = static_cast<std::uint32_t>(indices.size());
    ring.write({.learning_rate = 0.5 * n, .step = 40 + n, .seed = 5, .samples = samples}, indices);
    StepRecord record;
    EXPECT_FALSE(ring.arrived(record));
    const DeviceArray<std::uint32_t> taken((samples + 3) / 4 * 4);
    begin_step(ring.blocks_on_device(), samples, step.data(), taken.data(), nullptr, n % 2 ? 32 : 128);
    EXPECT_EQ(ring.oldest_unpublished_step(), 40 + n);
    end_step(parts.data(), 3, n == 4 ? nullptr : squares.data(), 2, step.data(), ring.records_on_device(), ring.depth(),
             nullptr, n % 2 ? 32 : 256);
    auto found = taken.get();
    found.resize(samples);
    EXPECT_EQ(found, indices);
    ASSERT_TRUE(ring.arrived(record));
    EXPECT_EQ(record.step, 40 + n);
    EXPECT_DOUBLE_EQ(record.loss, 4.5 / samples);
    EXPECT_EQ(record.correct, 5u);
    EXPECT_EQ(record.samples, samples);
    if (n == 4)
      EXPECT_TRUE(std::isnan(record.gradient_norm));
    else
      EXPECT_FLOAT_EQ(record.gradient_norm, 4.0f);
    EXPECT_GT(record.device_ns, 0u);
    EXPECT_EQ(step.get()[0].number, n);
    EXPECT_EQ(ring.oldest_unpublished_step(), 0u);
  }
}

TEST(CudaStepKernels, AnEvaluationAddsItsChunksAndPublishesTheLast) {
  const DeviceArray<EvaluationSlot> sums(1);
  const PinnedBuffer<EvaluationSlot> mapped(1);
  const DeviceArray<LossPart> parts(std::vector<LossPart>{{1.5, 2}, {2.5, 3}});
  end_chunk(parts.data(), 2, sums.data(), true, false, 9, mapped.on_device(), nullptr);
  end_chunk(parts.data(), 1, sums.data(), false, false, 9, mapped.on_device(), nullptr, 32);
  SIDESTEP_CHECK(cudaDeviceSynchronize());
  EXPECT_EQ(mapped[0].published, 0u);
  end_chunk(parts.data(), 2, sums.data(), false, true, 9, mapped.on_device(), nullptr);
  SIDESTEP_CHECK(cudaDeviceSynchronize());
  EXPECT_EQ(mapped[0].published, 9u);
  EXPECT_DOUBLE_EQ(mapped[0].loss, 9.5);
  EXPECT_EQ(mapped[0].correct, 12u);
}

}  // namespace
}  // namespace sidestep::kernels::cuda::test
