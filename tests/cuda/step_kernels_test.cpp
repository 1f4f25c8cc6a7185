#include <cmath>

#include <sidestep/kernels/cuda/step_kernels.hpp>
#include <sidestep/kernels/cuda/step_ring.hpp>

#include "support.hpp"

namespace sidestep::kernels::cuda::test {
namespace {

std::vector<LossPart> random_parts(std::size_t count, std::mt19937& random) {
  std::vector<LossPart> parts(count);
  for (auto& part : parts)
    part = {.loss = std::uniform_real_distribution<>(0, 20)(random),
            .correct = static_cast<std::uint32_t>(random() % 9)};
  return parts;
}

LossPart added(const std::vector<LossPart>& parts) {
  LossPart sum;
  for (const auto& part : parts) sum.loss += part.loss, sum.correct += part.correct;
  return sum;
}

/// A device's step that nobody has written yet: all but its number is poison.
DeviceStep poisoned_step() {
  DeviceStep step;
  std::memset(static_cast<void*>(&step.now), 0xFF, sizeof step.now);
  return step;
}

struct Steps {
  std::uint32_t depth = 3;          ///< of the ring
  std::uint32_t samples = 70;       ///< at most, in a step
  std::uint32_t parts = 3;          ///< of the loss
  std::uint32_t squares = 2;        ///< parts of the gradient's norm
  unsigned begin = 128, end = 256;  ///< threads of a block
};

void check_steps(const Steps& how, std::mt19937& random) {
  SCOPED_TRACE(testing::Message() << "ring of " << how.depth << ", " << how.samples << " samples, " << how.parts
                                  << " parts, " << how.squares << " squares, blocks of " << how.begin << " and "
                                  << how.end);
  const std::uint32_t steps = 2 * how.depth + 1;  // more than twice around
  const auto parts = random_parts(how.parts, random);
  const auto floats = random_floats(how.squares, random, 0, 9);
  const std::vector<double> squares(floats.begin(), floats.end());
  const auto samples = [&](std::uint32_t n) { return how.samples - std::min(how.samples - 1, n % 4); };  // all tails
  const auto found = same_for_every_seed([&] {
    StepRing ring(how.depth, how.samples, 0);
    SIDESTEP_CHECK(cudaMemset(ring.records_on_device(), 0xFF, how.depth * sizeof(RecordSlot)));
    SIDESTEP_CHECK(cudaDeviceSynchronize());
    const DeviceArray<DeviceStep> step(std::vector<DeviceStep>{poisoned_step()});
    const DeviceArray<LossPart> loss(parts);
    const DeviceArray<double> norm(squares);
    std::vector<double> losses;
    std::vector<float> norms;
    for (std::uint32_t n = 1; n <= steps; ++n) {
      std::vector<std::uint32_t> indices(samples(n));
      for (std::uint32_t i = 0; i < indices.size(); ++i) indices[i] = 1000 * n + i;
      ring.write({.learning_rate = 0.5 * n, .step = 40 + n, .seed = 5, .samples = samples(n)}, indices);
      StepRecord record;
      EXPECT_FALSE(ring.arrived(record));
      const DeviceArray<std::uint32_t> taken((indices.size() + 3) / 4 * 4);
      begin_step(ring.blocks_on_device(), samples(n), step.data(), taken.data(), nullptr, how.begin);
      EXPECT_EQ(ring.oldest_unpublished_step(), 40 + n);
      const bool silent = n == 2, measured = n != 4;
      if (silent)
        end_silent_step(step.data(), ring.records_on_device(), ring.depth(), nullptr);
      else
        end_step(loss.data(), how.parts, measured ? norm.data() : nullptr, how.squares, step.data(),
                 ring.records_on_device(), ring.depth(), nullptr, how.end);
      auto fetched = taken.get();
      fetched.resize(samples(n));
      EXPECT_EQ(fetched, indices);
      EXPECT_TRUE(ring.arrived(record)) << n;
      EXPECT_EQ(record.step, 40 + n);
      const DeviceStep device = step.get()[0];
      EXPECT_EQ(device.number, n);
      EXPECT_EQ(device.now.learning_rate, 0.5 * n);
      EXPECT_EQ(device.now.seed, 5u);
      EXPECT_EQ(ring.oldest_unpublished_step(), 0u);
      if (silent) continue;
      EXPECT_EQ(record.samples, samples(n));
      EXPECT_EQ(record.correct, added(parts).correct);
      EXPECT_GT(record.device_ns, 0u);
      expect_close(record.loss, added(parts).loss / samples(n), 0, "loss of step", n);
      if (measured) {
        double sum = 0;
        for (const double square : squares) sum += square;
        expect_close(record.gradient_norm, std::sqrt(sum), 0, "norm of step", n);
        norms.push_back(record.gradient_norm);
      } else {
        EXPECT_TRUE(std::isnan(record.gradient_norm));
      }
      losses.push_back(record.loss);
    }
    return std::tuple(losses, norms);
  });
  EXPECT_EQ(std::get<0>(found).size(), steps - 1);
}

TEST(CudaStepKernels, TakeTheBlockThatTheCounterNamesAndPublishItsRecord) {
  std::mt19937 random(6);
  check_steps({}, random);
  check_steps({.samples = 67, .begin = 32, .end = 32}, random);
  check_steps({.parts = 700, .squares = 512, .begin = 96, .end = 96}, random);  // more than a block has threads
}

TEST(CudaStepKernels, DoSoForDrawnShapes) {
  for_drawn_shapes([](Draw& draw) {
    check_steps({.depth = draw.up_to(9),
                 .samples = draw.up_to(300),
                 .parts = draw.up_to(600),
                 .squares = draw.up_to(512),
                 .begin = draw.block(),
                 .end = draw.block()},
                draw.random());
  });
}

/// An evaluation in chunks of so many parts.
void check_chunks(const std::vector<std::uint32_t>& chunks, unsigned block, std::mt19937& random) {
  SCOPED_TRACE(testing::Message() << testing::PrintToString(chunks) << " parts, blocks of " << block);
  std::vector<std::vector<LossPart>> parts;
  LossPart expected;
  for (const std::uint32_t count : chunks) {
    parts.push_back(random_parts(count, random));
    expected.loss += added(parts.back()).loss;
    expected.correct += added(parts.back()).correct;
  }
  const auto found = same_for_every_seed([&] {
    const DeviceArray<EvaluationSlot> sums(1);
    const PinnedBuffer<EvaluationSlot> mapped(1);
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      SIDESTEP_CHECK(cudaDeviceSynchronize());
      EXPECT_EQ(mapped[0].published, 0u) << "before the last chunk";
      const DeviceArray<LossPart> chunk(parts[i]);
      end_chunk(chunk.data(), chunks[i], sums.data(), i == 0, i + 1 == chunks.size(), 9, mapped.on_device(), nullptr,
                block);
      SIDESTEP_CHECK(cudaDeviceSynchronize());
    }
    EXPECT_EQ(mapped[0].published, 9u);
    EXPECT_EQ(mapped[0].correct, expected.correct);
    return std::vector<double>{mapped[0].loss};
  });
  expect_close(found[0], expected.loss, 0, "loss", 0);
}

TEST(CudaStepKernels, AnEvaluationAddsItsChunksAndPublishesTheLast) {
  std::mt19937 random(7);
  for (const unsigned block : block_sizes()) check_chunks({2, 1, 400}, block, random);
}

TEST(CudaStepKernels, AnEvaluationDoesSoForDrawnChunks) {
  for_drawn_shapes([](Draw& draw) {
    std::vector<std::uint32_t> chunks(draw.up_to(4));
    for (auto& parts : chunks) parts = draw.up_to(600);
    check_chunks(chunks, draw.block(), draw.random());
  });
}

}  // namespace
}  // namespace sidestep::kernels::cuda::test
