#include <gtest/gtest.h>

#include <sidestep/kernels/reference/network.hpp>

#include "kernels/support.hpp"

// The gradient of a whole network: the reference against finite differences, every path against the reference.
namespace sidestep::kernels::test {
namespace {

using Values = std::vector<std::vector<double>>;

Values initial(const NetworkSpec& spec, std::uint64_t seed) {
  Values all;
  const auto infos = parameters(spec);
  for (std::size_t i = 0; i < infos.size(); ++i) {
    std::vector<float> values(infos[i].size());
    fill_initial(infos[i], static_cast<std::uint32_t>(i), seed, values);
    all.emplace_back(values.begin(), values.end());
  }
  return all;
}

Values normalised(const NetworkSpec& spec, const Images& images, std::size_t count) {
  Values samples(count);
  for (std::size_t n = 0; n < count; ++n)
    for (std::size_t i = 0; i < spec.input.size(); ++i)
      samples[n].push_back((images.pixels[n * spec.input.size() + i] / 255.0 - images.view.mean) /
                           images.view.deviation);
  return samples;
}

TEST(ReferenceNetwork, GradientIsTheSlopeOfTheLoss) {
  const NetworkSpec spec{{1, 4, 4}, {Convolution{2, 3}, Dense{3}, Dense{2, false}}};
  const Images images(spec, 3, 1);
  const auto samples = normalised(spec, images, 3);
  auto weights = initial(spec, 5);
  const auto pass = reference::network_pass(spec, weights, samples, images.labels);
  const double h = 1e-6;
  for (std::size_t tensor = 0; tensor < weights.size(); ++tensor)
    for (std::size_t i = 0; i < weights[tensor].size(); ++i) {
      const double kept = weights[tensor][i];
      weights[tensor][i] = kept + h;
      const double above = reference::network_pass(spec, weights, samples, images.labels).loss;
      weights[tensor][i] = kept - h;
      const double below = reference::network_pass(spec, weights, samples, images.labels).loss;
      weights[tensor][i] = kept;
      EXPECT_NEAR((above - below) / (2 * h), pass.gradients[tensor][i], 1e-7) << tensor << " " << i;
    }
}

class WholeNetwork : public testing::TestWithParam<CpuPath> {
 protected:
  void expect_gradients(const NetworkSpec& spec, std::uint32_t count, std::size_t slice) {
    const Images images(spec, count, 7);
    const auto pass = reference::network_pass(spec, initial(spec, 3), normalised(spec, images, count), images.labels);
    auto session =
        make_cpu_session(spec, {.optimizer = Sgd{}, .seed = 3, .threads = 2, .slice = slice, .path = GetParam()});
    const DataId data = session->attach(images.view);
    const auto evaluation = session->evaluate(data, 0, count);
    const auto record = step(*session, data, range(0, count), 1);
    EXPECT_NEAR(record.loss, pass.loss, 1e-5 * pass.loss);
    EXPECT_NEAR(evaluation.loss, pass.loss, 1e-5 * pass.loss);
    EXPECT_EQ(record.correct, pass.correct);
    EXPECT_EQ(evaluation.correct, pass.correct);
    const auto count_of_parameters = pass.gradients.size();
    for (std::size_t i = 0; i < count_of_parameters; ++i)  // SGD's first momentum is the gradient
      EXPECT_LE(error(values(*session, count_of_parameters + i), pass.gradients[i]), 1e-5)
          << session->tensors()[count_of_parameters + i].name;
  }
};

TEST_P(WholeNetwork, LeNetsGradientIsThatOfDoublePrecision) { expect_gradients(lenet(), 5, 16); }
TEST_P(WholeNetwork, SmallOnesTooInSlicesOfAnySize) {
  expect_gradients(small_lenet(), 21, 16);
  expect_gradients(small_lenet(), 9, 1);
  expect_gradients(small_lenet(), 40, 24);
  expect_gradients(perceptron(), 37, 5);
}
TEST_P(WholeNetwork, ShapesThatNobodyWroteKernelsForTakePart) {
  expect_gradients({{3, 8, 12}, {Convolution{16}, Convolution{7, 3}, Dense{11}, Dense{3, false}}}, 18, 16);
  expect_gradients({{4, 4, 4}, {Convolution{5, 3}, Dense{3, false}}}, 5, 16);
}

INSTANTIATE_TEST_SUITE_P(On, WholeNetwork, testing::ValuesIn(paths()), path_name);

}  // namespace
}  // namespace sidestep::kernels::test
