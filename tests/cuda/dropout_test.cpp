#include <cmath>

#include <sidestep/kernels/cuda/dropout.hpp>
#include <sidestep/kernels/dropout.hpp>

#include "support.hpp"

namespace sidestep::kernels::cuda::test {
namespace {

struct Dropped {
  float rate = 0.3f;
  std::uint32_t layer = 2;
  std::uint64_t step = 17, seed = 0x123456789ABCDEFu;
};

void check_dropout(std::size_t count, const Dropped& how, unsigned block, std::mt19937& random) {
  SCOPED_TRACE(testing::Message() << count << " values, rate " << how.rate << ", blocks of " << block);
  const DeviceArray<DeviceStep> step(std::vector<DeviceStep>{{{.step = how.step, .seed = how.seed}, 16}});
  const auto x = random_floats(count, random, 0.5f, 1.0f);
  const auto found = same_for_every_seed([&] {
    const DeviceArray<float> in(x), out(count);
    dropout(in.data(), out.data(), count, how.rate, how.layer, step.data(), nullptr, block);
    return out.get();
  });
  for (std::size_t i = 0; i < count; ++i) {
    const float factor = dropout_factor(i, how.layer, static_cast<std::uint32_t>(how.step), how.seed, how.rate);
    EXPECT_EQ(found[i], x[i] * factor) << i;  // as the CPU does
    const double exact = factor == 0 ? 0 : double{x[i]} / (1 - double{how.rate});
    expect_close(found[i], exact, 0, "out", i);
  }
}

TEST(CudaDropout, DropsExactlyWhatTheCpuDrops) {
  std::mt19937 random(4);
  for (const std::size_t count : {1u, 2u, 7u, 64u, 1283u})
    for (const unsigned block : block_sizes()) check_dropout(count, {}, block, random);
}

TEST(CudaDropout, DoesSoForDrawnCountsRatesStepsAndSeeds) {
  for_drawn_shapes([](Draw& draw) {
    const Dropped how{.rate = static_cast<float>(draw.real(0, 0.95)),
                      .layer = draw.between(0, 9),
                      .step = draw.up_to(1'000'000),
                      .seed = std::uint64_t{draw.random()()} << 32 | draw.random()()};
    check_dropout(draw.up_to(5000), how, draw.block(), draw.random());
  });
}

}  // namespace
}  // namespace sidestep::kernels::cuda::test
