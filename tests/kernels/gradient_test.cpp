#include <gtest/gtest.h>

#include "kernels/reference_support.hpp"

// The gradient of a whole network: the reference against finite differences, every path against the reference.
namespace sidestep::kernels::test {
namespace {

void expect_slope(const NetworkSpec& spec) {
  const Images images(spec, 3, 1);
  const auto samples = normalised(spec, images, 3);
  auto weights = initial(spec, 5);
  const auto pass = reference::network_pass(spec, weights, samples, images.labels);
  const auto infos = parameters(spec);
  const double h = 1e-6;
  for (std::size_t tensor = 0; tensor < weights.size(); ++tensor)
    for (std::size_t i = 0; i < weights[tensor].size() && infos[tensor].trained; ++i) {
      const double kept = weights[tensor][i];
      weights[tensor][i] = kept + h;
      const double above = reference::network_pass(spec, weights, samples, images.labels).loss;
      weights[tensor][i] = kept - h;
      const double below = reference::network_pass(spec, weights, samples, images.labels).loss;
      weights[tensor][i] = kept;
      EXPECT_NEAR((above - below) / (2 * h), pass.gradients[tensor][i], 1e-6) << infos[tensor].name << " " << i;
    }
}

TEST(ReferenceNetwork, GradientIsTheSlopeOfTheLoss) {
  expect_slope({{1, 4, 4}, {Convolution{2, 3}, Dense{3}, Dense{2, false}}});
  expect_slope({{2, 5, 3}, {NormalisedConvolution{3, 3, 2, false}, Dropout{0.4f}, Dense{2, false}}});
  expect_slope({{1, 5, 4}, {NormalisedConvolution{2}, Residual{2}, GlobalAveragePool{}, Dense{2, false}}});
  expect_slope({{1, 5, 4}, {Residual{3, 2}, Dense{2, false}}});
}

class WholeNetwork : public testing::TestWithParam<CpuPath> {
 protected:
  void expect_gradients(const NetworkSpec& spec, std::uint32_t count, std::size_t slice) {
    const Images images(spec, count, 7);
    const auto pass = reference::network_pass(spec, initial(spec, 3), normalised(spec, images, count), images.labels,
                                              {.step = 1, .seed = 3});
    auto session =
        make_cpu_session(spec, {.optimizer = Sgd{}, .seed = 3, .threads = 2, .slice = slice, .path = GetParam()});
    const auto record = step(*session, session->attach(images.view), range(0, count), 1);
    EXPECT_NEAR(record.loss, pass.loss, 1e-5 * pass.loss);
    EXPECT_EQ(record.correct, pass.correct);
    const auto infos = parameters(spec);
    std::size_t tensor = infos.size();
    for (std::size_t i = 0; i < infos.size(); ++i)
      if (infos[i].trained) {  // SGD's first momentum is the gradient
        ASSERT_EQ(session->tensors()[tensor].name, infos[i].name + ".momentum");
        EXPECT_LE(error(values(*session, tensor), pass.gradients[i]), 1e-5) << infos[i].name;
        ++tensor;
      } else {
        EXPECT_LE(error(values(*session, i), pass.parameters[i]), 1e-5) << infos[i].name;
      }
    EXPECT_EQ(tensor, session->tensors().size());
  }

  void expect_evaluation(const NetworkSpec& spec, std::uint32_t count, std::size_t slice) {
    const Images images(spec, count, 7);
    const auto pass = reference::network_pass(spec, initial(spec, 3), normalised(spec, images, count), images.labels,
                                              {.training = false});
    auto session = make_cpu_session(spec, {.seed = 3, .threads = 2, .slice = slice, .path = GetParam()});
    const auto evaluation = session->evaluate(session->attach(images.view), 0, count);
    EXPECT_NEAR(evaluation.loss, pass.loss, 1e-5 * pass.loss);
    EXPECT_EQ(evaluation.correct, pass.correct);
  }

  void expect_both(const NetworkSpec& spec, std::uint32_t count, std::size_t slice) {
    expect_gradients(spec, count, slice);
    expect_evaluation(spec, count, slice);
  }
};

TEST_P(WholeNetwork, LeNetsGradientIsThatOfDoublePrecision) { expect_both(lenet(), 5, 16); }
TEST_P(WholeNetwork, DirectSumsAreNearerToDoublePrecisionThanWinogradIs) {
  const Images images(lenet(), 5, 7);
  const auto pass =
      reference::network_pass(lenet(), initial(lenet(), 3), normalised(lenet(), images, 5), images.labels);
  const auto worst = [&](bool winograd) {
    auto session = make_cpu_session(
        lenet(), {.optimizer = Sgd{}, .seed = 3, .threads = 2, .path = GetParam(), .winograd = winograd});
    step(*session, session->attach(images.view), range(0, 5), 1);
    double largest = 0;
    for (std::size_t i = 0; i < pass.gradients.size(); ++i)
      largest = std::max(largest, error(values(*session, pass.gradients.size() + i), pass.gradients[i]));
    return largest;
  };
  EXPECT_LE(worst(false), 3e-6);
  if (GetParam() != CpuPath::portable) {
    EXPECT_NE(worst(false), worst(true));
  }
}
TEST_P(WholeNetwork, ResNet8sGradientIsThatOfDoublePrecision) { expect_both(resnet8(), 3, 2); }
TEST_P(WholeNetwork, SmallOnesTooInSlicesOfAnySize) {
  expect_both(small_lenet(), 21, 16);
  expect_both(small_lenet(), 9, 1);
  expect_both(small_lenet(), 40, 24);
  expect_both(perceptron(), 37, 5);
}
TEST_P(WholeNetwork, ShapesThatNobodyWroteKernelsForTakePart) {
  expect_both({{3, 8, 12}, {Convolution{16}, Convolution{7, 3}, Dense{11}, Dense{3, false}}}, 18, 16);
  expect_both({{4, 4, 4}, {Convolution{5, 3}, Dense{3, false}}}, 5, 16);
}
TEST_P(WholeNetwork, ResidualBlocksOfOddSizesTakePart) {
  expect_both(small_resnet(), 21, 16);
  expect_both(small_resnet(), 3, 1);
  expect_both({{3, 9, 5}, {Residual{3}, Residual{18, 2}, Residual{18}, Dense{3, false}}}, 11, 4);
  expect_both({{2, 7, 6}, {NormalisedConvolution{5, 5, 3, false}, Residual{5, 2}, Dense{6}, Dense{3, false}}}, 7, 4);
}
TEST_P(WholeNetwork, LayersThatNeedTheWholeBatchStandBesideThoseThatDoNot) {
  expect_both(
      {{1, 8, 12}, {Convolution{16}, NormalisedConvolution{16}, Convolution{32}, Residual{32}, Dense{3, false}}}, 19,
      8);
  expect_both({{3, 6, 6}, {NormalisedConvolution{4, 1}, GlobalAveragePool{}, Dense{9}, Dense{3, false}}}, 19, 8);
}
TEST_P(WholeNetwork, DropoutDropsWhatTheSharedRuleSays) {
  expect_both({{1, 7, 5}, {Dropout{0.1f}, Dense{37}, Dropout{0.5f}, Dense{4, false}}}, 37, 5);
  expect_both({{1, 6, 6}, {NormalisedConvolution{6}, Dropout{0.3f}, Residual{6}, Dropout{0.2f}, Dense{4, false}}}, 13,
              4);
  expect_both({{1, 4, 4}, {Convolution{5, 3}, Dropout{0.25f}, Convolution{3, 3}, Dense{4, false}}}, 9, 4);
}

INSTANTIATE_TEST_SUITE_P(On, WholeNetwork, testing::ValuesIn(paths()), path_name);

}  // namespace
}  // namespace sidestep::kernels::test
