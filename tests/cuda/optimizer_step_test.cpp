#include <cmath>

#include <sidestep/kernels/cuda/gradient_norm.hpp>
#include <sidestep/kernels/cuda/optimizer_step.hpp>
#include <sidestep/kernels/reference/optimizer.hpp>

#include "support.hpp"

namespace sidestep::kernels::cuda::test {
namespace {

double norm(const std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) sum += double{value} * double{value};
  return std::sqrt(sum);
}

void check_gradient_squares(std::size_t count, unsigned block, std::mt19937& random) {
  SCOPED_TRACE(testing::Message() << count << " gradients, blocks of " << block);
  const auto gradients = random_floats(count, random);
  const auto parts = same_for_every_seed([&] {
    const DeviceArray<float> g(gradients);
    const DeviceArray<double> out(square_parts(count));
    gradient_squares(g.data(), count, out.data(), nullptr, block);
    return out.get();
  });
  double sum = 0;
  for (const double part : parts) sum += part;
  expect_close(std::sqrt(sum), norm(gradients), 0, "norm", count);
}

TEST(CudaGradientNorm, AddsTheSquaresOfAnyNumberOfGradients) {
  std::mt19937 random(5);
  for (const std::size_t count : {1u, 3u, 4096u, 4099u, 20011u})
    for (const unsigned block : block_sizes()) check_gradient_squares(count, block, random);
}

TEST(CudaGradientNorm, AddsTheSquaresOfADrawnNumberOfGradients) {
  for_drawn_shapes([](Draw& draw) { check_gradient_squares(draw.up_to(30000), draw.block(), draw.random()); });
}

void check_optimizer_step(const Optimizer& optimizer, std::size_t count, std::uint64_t t, double clip_norm,
                          unsigned block) {
  SCOPED_TRACE(testing::Message() << count << " parameters, step " << t << ", clip " << clip_norm << ", blocks of "
                                  << block);
  std::mt19937 random(static_cast<unsigned>(count + t));
  const double rate = 3e-3;
  const auto weights = random_floats(count, random), gradients = random_floats(count, random),
             first = random_floats(count, random), second = random_floats(count, random, 0.01f, 1);
  const DeviceArray<DeviceStep> step(std::vector<DeviceStep>{{{.learning_rate = rate, .step = t}, t - 1}});
  const bool two = std::holds_alternative<AdamW>(optimizer);
  const auto found = same_for_every_seed([&] {
    const DeviceArray<float> w(weights), g(gradients), m(first), v(second);
    const DeviceArray<double> squares(square_parts(count));
    gradient_squares(g.data(), count, squares.data(), nullptr, block);
    optimizer_step(optimizer, {w.data(), g.data(), m.data(), two ? v.data() : nullptr, count}, step.data(),
                   squares.data(), square_parts(count), clip_norm, nullptr, block);
    return std::tuple(w.get(), m.get(), v.get());
  });
  const auto& [found_weights, found_first, found_second] = found;
  const double clip = clip_norm > 0 ? std::min(1.0, clip_norm / (norm(gradients) + 1e-6)) : 1.0;
  for (std::size_t i = 0; i < count; ++i) {
    double w = double{weights[i]}, m = double{first[i]}, v = double{second[i]};
    std::visit([&](const auto& o) { reference::step(o, rate, t, clip * double{gradients[i]}, w, m, v); }, optimizer);
    expect_close(found_weights[i], w, 0.1, "weight", i);
    expect_close(found_first[i], m, 0.1, "first", i);
    if (two)
      expect_close(found_second[i], v, 0, "second", i);
    else
      EXPECT_EQ(found_second[i], second[i]);  // which SGD hasn't got
  }
}

TEST(CudaOptimizerStep, IsPyTorchsFormulaForAnyCountAndStep) {
  for (const unsigned block : block_sizes())
    for (const std::size_t count : {1u, 6u, 1024u, 4101u}) {
      check_optimizer_step(AdamW{}, count, 1, 0, block);
      check_optimizer_step(AdamW{.weight_decay = 0.1}, count, 1000, 0.5, block);
      check_optimizer_step(Sgd{}, count, 3, 0, block);
      check_optimizer_step(Sgd{.momentum = 0.8, .weight_decay = 0.01, .nesterov = true}, count, 3, 1e6, block);
      check_optimizer_step(Sgd{.momentum = 0}, count, 3, 0.25, block);
    }
}

TEST(CudaOptimizerStep, IsPyTorchsFormulaForDrawnCountsStepsAndOptions) {
  for_drawn_shapes([](Draw& draw) {
    const auto count = draw.up_to(5000);
    const std::uint64_t t = draw.up_to(100'000);
    const double clip_norm = draw.coin() ? draw.real(0.01, 30) : 0;
    check_optimizer_step(
        AdamW{.beta1 = draw.real(0, 0.95), .beta2 = draw.real(0.5, 0.999), .weight_decay = draw.real(0, 1)}, count, t,
        clip_norm, draw.block());
    check_optimizer_step(
        Sgd{.momentum = draw.real(0, 0.99), .weight_decay = draw.real(0, 0.1), .nesterov = draw.coin()}, count, t,
        clip_norm, draw.block());
  });
}

}  // namespace
}  // namespace sidestep::kernels::cuda::test
