#include <cmath>

#include <sidestep/kernels/cuda/bias_gradient.hpp>

#include "support.hpp"

namespace sidestep::kernels::cuda::test {
namespace {

void check_bias_gradient(std::size_t rows, unsigned columns, unsigned block, bool relu) {
  SCOPED_TRACE(testing::Message() << rows << " x " << columns << ", blocks of " << block << (relu ? ", ReLU" : ""));
  std::mt19937 random(static_cast<unsigned>(rows * 31 + columns));
  const auto y = random_floats(rows * columns, random), g = random_floats(rows * columns, random);
  const auto found = same_for_every_seed([&] {
    const DeviceArray<float> activated(y), gradient(g), out(columns),
        parts(std::size_t{bias_gradient_parts(rows)} * columns);
    bias_gradient(relu ? activated.data() : nullptr, gradient.data(), rows, columns, out.data(), parts.data(), nullptr,
                  block);
    return std::tuple(out.get(), gradient.get());
  });
  const auto& [bias, masked] = found;
  std::vector<double> sums(columns), sizes(columns);
  for (std::size_t i = 0; i < g.size(); ++i) {
    const float expected = !relu || y[i] > 0 ? g[i] : 0.0f;
    ASSERT_EQ(masked[i], expected) << i;
    sums[i % columns] += double{expected};
    sizes[i % columns] += std::abs(double{expected});
  }
  for (std::size_t c = 0; c < columns; ++c) expect_close(bias[c], sums[c], sizes[c] * 0.1, "bias", c);
}

TEST(CudaBiasGradient, SumsTheRowsOfAnyShape) {
  for (const unsigned block : block_sizes())
    for (const bool relu : {false, true}) {
      check_bias_gradient(1, 1, block, relu);
      check_bias_gradient(5, 3, block, relu);
      check_bias_gradient(64, 10, block, relu);
      check_bias_gradient(300, 16, block, relu);
      check_bias_gradient(777, 32, block, relu);
      check_bias_gradient(64, 1100, block, relu);  // more columns than a block has threads
      check_bias_gradient(9, 259, block, relu);
    }
}

TEST(CudaBiasGradient, SumsTheRowsOfDrawnShapes) {
  for_drawn_shapes([](Draw& draw) {
    const std::uint32_t columns = draw.up_to(600);
    check_bias_gradient(draw.up_to(9000 / columns), columns, draw.block(), draw.coin());
  });
}

}  // namespace
}  // namespace sidestep::kernels::cuda::test
