#include <cmath>

#include <sidestep/kernels/cuda/bias_activation.hpp>
#include <sidestep/kernels/cuda/elementwise.hpp>
#include <sidestep/kernels/cuda/mean_pooling.hpp>

#include "support.hpp"

namespace sidestep::kernels::cuda::test {
namespace {

void check_bias_activation(std::uint32_t rows, std::uint32_t columns, bool relu, unsigned block, std::mt19937& random) {
  SCOPED_TRACE(testing::Message() << rows << " x " << columns << ", blocks of " << block << (relu ? ", ReLU" : ""));
  const auto x = random_floats(std::size_t{rows} * columns, random), bias = random_floats(columns, random);
  const auto found = same_for_every_seed([&] {
    const DeviceArray<float> on_device(x), biases(bias);
    bias_activation(on_device.data(), biases.data(), rows, columns, relu, nullptr, block);
    return on_device.get();
  });
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double sum = double{x[i]} + double{bias[i % columns]};
    expect_close(found[i], relu ? std::max(sum, 0.0) : sum, 0, "x", i);
  }
}

TEST(CudaBiasActivation, IsTheFormulaForAnyShapeAndBlock) {
  std::mt19937 random(1);
  for (const auto& [rows, columns] : {std::pair{1u, 1u}, {3u, 5u}, {7u, 16u}, {33u, 10u}, {50u, 12u}, {13u, 129u}})
    for (const bool relu : {false, true})
      for (const unsigned block : block_sizes()) check_bias_activation(rows, columns, relu, block, random);
}

TEST(CudaBiasActivation, IsTheFormulaForDrawnShapes) {
  for_drawn_shapes([](Draw& draw) {
    const std::uint32_t columns = draw.up_to(500);
    check_bias_activation(draw.up_to(6000 / columns), columns, draw.coin(), draw.block(), draw.random());
  });
}

// One operation for each value, rounded once: the same as in double precision, rounded.
void check_elementwise(std::size_t count, unsigned block, std::mt19937& random) {
  SCOPED_TRACE(testing::Message() << count << " values, blocks of " << block);
  const auto a = random_floats(count, random), b = random_floats(count, random);
  const auto sum = same_for_every_seed([&] {
    const DeviceArray<float> x(a), y(b), out(count);
    add(x.data(), y.data(), out.data(), count, nullptr, block);
    return out.get();
  });
  const auto joined = same_for_every_seed([&] {
    const DeviceArray<float> x(a), y(b), out(count);
    add_relu(x.data(), y.data(), out.data(), count, nullptr, block);
    add_relu(x.data(), y.data(), x.data(), count, nullptr, block);  // over an input
    expect_same_bits(x.get(), out.get());
    return out.get();
  });
  const auto open = same_for_every_seed([&] {
    const DeviceArray<float> x(a);
    relu(x.data(), count, nullptr, block);
    return x.get();
  });
  const auto masked = same_for_every_seed([&] {
    const DeviceArray<float> y(a), gradient(b);
    relu_backward(y.data(), gradient.data(), count, nullptr, block);
    return gradient.get();
  });
  for (std::size_t i = 0; i < count; ++i) {
    const double exact = double{a[i]} + double{b[i]};
    EXPECT_EQ(sum[i], static_cast<float>(exact)) << i;
    EXPECT_EQ(joined[i], static_cast<float>(std::max(exact, 0.0))) << i;
    EXPECT_EQ(open[i], std::max(a[i], 0.0f)) << i;
    EXPECT_EQ(masked[i], a[i] > 0 ? b[i] : 0.0f) << i;
  }
}

TEST(CudaElementwise, FormulasHoldWithTails) {
  std::mt19937 random(2);
  for (const std::size_t count : {1u, 3u, 4u, 127u, 1030u})
    for (const unsigned block : block_sizes()) check_elementwise(count, block, random);
}

TEST(CudaElementwise, FormulasHoldForDrawnCounts) {
  for_drawn_shapes([](Draw& draw) { check_elementwise(draw.up_to(5000), draw.block(), draw.random()); });
}

void check_mean_pooling(std::uint32_t batch, std::uint32_t plane, std::uint32_t channels, unsigned block,
                        std::mt19937& random) {
  SCOPED_TRACE(testing::Message() << batch << " x " << plane << " x " << channels << ", blocks of " << block);
  const auto x = random_floats(std::size_t{batch} * plane * channels, random);
  const auto dy = random_floats(std::size_t{batch} * channels, random);
  const auto means = same_for_every_seed([&] {
    const DeviceArray<float> in(x), out(std::size_t{batch} * channels);
    mean_pooling(in.data(), batch, plane, channels, out.data(), nullptr, block);
    return out.get();
  });
  const auto spread = same_for_every_seed([&] {
    const DeviceArray<float> in(dy), out(x.size());
    mean_pooling_backward(in.data(), batch, plane, channels, out.data(), nullptr, block);
    return out.get();
  });
  for (std::size_t i = 0; i < means.size(); ++i) {
    double sum = 0, size = 0;
    for (std::size_t pixel = 0; pixel < plane; ++pixel) {
      const double value = x[(i / channels * plane + pixel) * channels + i % channels];
      sum += value;
      size += std::abs(value);
    }
    expect_close(means[i], sum / plane, 0.1 * size / plane, "mean", i);
  }
  for (std::size_t i = 0; i < spread.size(); ++i)
    expect_close(spread[i], double{dy[i / (std::size_t{plane} * channels) * channels + i % channels]} / plane, 0, "dx",
                 i);
}

TEST(CudaMeanPooling, IsTheMeanOfEachChannelAndSpreadsItsGradient) {
  std::mt19937 random(3);
  for (const auto& [batch, plane, channels] : {std::tuple{1u, 1u, 1u}, {3u, 49u, 64u}, {5u, 9u, 3u}, {2u, 4u, 33u}})
    for (const unsigned block : block_sizes()) check_mean_pooling(batch, plane, channels, block, random);
}

TEST(CudaMeanPooling, DoesSoForDrawnShapes) {
  for_drawn_shapes([](Draw& draw) {
    const std::uint32_t plane = draw.up_to(60), channels = draw.up_to(6000 / plane / 10);
    check_mean_pooling(draw.up_to(10), plane, channels, draw.block(), draw.random());
  });
}

}  // namespace
}  // namespace sidestep::kernels::cuda::test
