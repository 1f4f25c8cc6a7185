#include <sidestep/kernels/cuda/dropout.hpp>
#include <sidestep/kernels/dropout.hpp>

#include "support.hpp"

namespace sidestep::kernels::cuda::test {
namespace {

TEST(CudaDropout, DropsExactlyWhatTheCpuDrops) {
  std::mt19937 random(4);
  const DeviceStep step{{.step = 17, .seed = 0x123456789ABCDEFu}, 16};
  const DeviceArray<DeviceStep> on_device(std::vector<DeviceStep>{step});
  for (const std::size_t count : {1u, 2u, 7u, 64u, 1283u})
    for (const unsigned block : block_sizes()) {
      const auto x = random_floats(count, random, 0.5f, 1.0f);
      const auto found = same_for_every_seed([&] {
        const DeviceArray<float> in(x), out(count);
        dropout(in.data(), out.data(), count, 0.3f, 2, on_device.data(), nullptr, block);
        return out.get();
      });
      for (std::size_t i = 0; i < count; ++i)
        EXPECT_EQ(found[i], x[i] * dropout_factor(i, 2, 17, step.now.seed, 0.3f)) << i;
    }
}

}  // namespace
}  // namespace sidestep::kernels::cuda::test
