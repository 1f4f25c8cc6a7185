#include <cmath>

#include <sidestep/kernels/cuda/bias_activation.hpp>
#include <sidestep/kernels/cuda/elementwise.hpp>
#include <sidestep/kernels/cuda/mean_pooling.hpp>

#include "support.hpp"

namespace sidestep::kernels::cuda::test {
namespace {

TEST(CudaBiasActivation, IsTheFormulaForAnyShapeAndBlock) {
  std::mt19937 random(1);
  for (const auto& [rows, columns] : {std::pair{1u, 1u}, {3u, 5u}, {7u, 16u}, {33u, 10u}, {50u, 12u}, {13u, 129u}})
    for (const bool relu : {false, true})
      for (const unsigned block : block_sizes()) {
        const auto x = random_floats(rows * columns, random), bias = random_floats(columns, random);
        const auto found = same_for_every_seed([&, rows = rows, columns = columns] {
          const DeviceArray<float> on_device(x), biases(bias);
          bias_activation(on_device.data(), biases.data(), rows, columns, relu, nullptr, block);
          return on_device.get();
        });
        for (std::size_t i = 0; i < found.size(); ++i) {
          const double sum = double{x[i]} + double{bias[i % columns]};
          expect_close(found[i], relu ? std::max(sum, 0.0) : sum, 1.0, "x", i);
        }
      }
}

TEST(CudaElementwise, FormulasHoldWithTails) {
  std::mt19937 random(2);
  for (const std::size_t count : {1u, 3u, 4u, 127u, 1030u})
    for (const unsigned block : block_sizes()) {
      const auto a = random_floats(count, random), b = random_floats(count, random);
      const auto sum = same_for_every_seed([&] {
        const DeviceArray<float> x(a), y(b), out(count);
        add(x.data(), y.data(), out.data(), count, nullptr, block);
        return out.get();
      });
      const auto joined = same_for_every_seed([&] {
        const DeviceArray<float> x(a), y(b);
        add_relu(x.data(), y.data(), x.data(), count, nullptr, block);
        return x.get();
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
        EXPECT_EQ(sum[i], a[i] + b[i]);
        EXPECT_EQ(joined[i], std::max(a[i] + b[i], 0.0f));
        EXPECT_EQ(open[i], std::max(a[i], 0.0f));
        EXPECT_EQ(masked[i], a[i] > 0 ? b[i] : 0.0f);
      }
    }
}

TEST(CudaMeanPooling, IsTheMeanOfEachChannelAndSpreadsItsGradient) {
  std::mt19937 random(3);
  for (const auto& [batch, plane, channels] : {std::tuple{1u, 1u, 1u}, {3u, 49u, 64u}, {5u, 9u, 3u}, {2u, 4u, 33u}})
    for (const unsigned block : block_sizes()) {
      const auto x = random_floats(std::size_t{batch} * plane * channels, random);
      const auto dy = random_floats(std::size_t{batch} * channels, random);
      const auto means = same_for_every_seed([&, batch = batch, plane = plane, channels = channels] {
        const DeviceArray<float> in(x), out(std::size_t{batch} * channels);
        mean_pooling(in.data(), batch, plane, channels, out.data(), nullptr, block);
        return out.get();
      });
      const auto spread = same_for_every_seed([&, batch = batch, plane = plane, channels = channels] {
        const DeviceArray<float> in(dy), out(x.size());
        mean_pooling_backward(in.data(), batch, plane, channels, out.data(), nullptr, block);
        return out.get();
      });
      for (std::size_t i = 0; i < means.size(); ++i) {
        double sum = 0;
        for (std::size_t pixel = 0; pixel < plane; ++pixel)
          sum += double{x[(i / channels * plane + pixel) * channels + i % channels]};
        expect_close(means[i], sum / plane, 1.0, "mean", i);
      }
      for (std::size_t i = 0; i < spread.size(); ++i)
        expect_close(spread[i], double{dy[i / (std::size_t{plane} * channels) * channels + i % channels]} / plane, 0,
                     "dx", i);
    }
}

}  // namespace
}  // namespace sidestep::kernels::cuda::test
