#include <gtest/gtest.h>

#include "kernels/reference_support.hpp"

// Running statistics: how they move, where they count, and that they are state like any other.
namespace sidestep::kernels::test {
namespace {

class Normalisation : public testing::TestWithParam<CpuPath> {
 protected:
  std::unique_ptr<Session> make(const NetworkSpec& spec, const Optimizer& optimizer = AdamW{}) {
    return make_cpu_session(spec, {.optimizer = optimizer, .seed = 4, .threads = 2, .slice = 4, .path = GetParam()});
  }
  static std::size_t tensor(const Session& session, const std::string& name) {
    for (std::size_t i = 0; i < session.tensors().size(); ++i)
      if (session.tensors()[i].name == name) return i;
    ADD_FAILURE() << "no tensor " << name;
    return 0;
  }
  /// A convolution that hands its one channel on: what is normalised are the images.
  NetworkSpec plain_{{1, 3, 5}, {NormalisedConvolution{1, 1}, Dense{3, false}}};
};

TEST_P(Normalisation, RunningStatisticsMoveATenthOfTheWayToTheBatchs) {
  auto session = make(plain_, Sgd{});
  const Images images(plain_, 30, 8);
  const DataId data = session->attach(images.view);
  session->write(tensor(*session, "conv1.weight"), std::vector<float>{1.0f});
  double mean = 0, variance = 1;
  std::uint32_t first = 0;
  for (const std::uint32_t count : {7u, 10u, 1u}) {
    double sum = 0, squares = 0;
    const double n = count * 15;
    const auto value = [&](std::size_t i) { return (images.pixels[first * 15 + i] / 255.0 - 0.3) / 0.25; };
    for (std::size_t i = 0; i < count * 15; ++i) sum += value(i);
    for (std::size_t i = 0; i < count * 15; ++i) squares += (value(i) - sum / n) * (value(i) - sum / n);
    mean += 0.1 * (sum / n - mean);
    variance += 0.1 * (squares / (n - 1) - variance);
    step(*session, data, range(first, count), 1, 0.0);
    first += count;
    EXPECT_NEAR(values(*session, tensor(*session, "norm1.running_mean"))[0], mean, 1e-6);
    EXPECT_NEAR(values(*session, tensor(*session, "norm1.running_var"))[0], variance, 1e-6);
  }
}

TEST_P(Normalisation, EvaluationTakesTheRunningStatisticsAndLeavesThemAlone) {
  const auto spec = small_resnet();
  const Images images(spec, 40, 8);
  auto session = make(spec);
  const DataId data = session->attach(images.view);
  for (std::uint64_t number = 1; number <= 3; ++number) step(*session, data, range(0, 40), number, 0.01);
  const auto before = all_values(*session);
  const auto measured = session->evaluate(data, 0, 40);
  EXPECT_EQ(all_values(*session), before);
  Values weights;
  for (std::size_t i = 0; i < parameters(spec).size(); ++i) weights.emplace_back(before[i].begin(), before[i].end());
  const auto pass =
      reference::network_pass(spec, weights, normalised(spec, images, 40), images.labels, {.training = false});
  EXPECT_NEAR(measured.loss, pass.loss, 1e-5 * pass.loss);
  EXPECT_EQ(measured.correct, pass.correct);
  const auto one = session->evaluate(data, 7, 1);  // each sample by itself: no batch to be part of
  const auto alone = reference::network_pass(spec, weights, {normalised(spec, images, 40)[7]}, {images.labels[7]},
                                             {.training = false});
  EXPECT_NEAR(one.loss, alone.loss, 1e-5 * alone.loss);
}

TEST_P(Normalisation, TensorsAreNamedAndShapedAsInPyTorch) {
  const auto session = make(small_resnet());
  std::vector<std::string> names, states;
  for (const auto& info : session->tensors()) (info.weight ? names : states).push_back(info.name);
  const std::vector<std::string> expected{"conv1.weight",        "norm1.weight",      "norm1.bias",
                                          "norm1.running_mean",  "norm1.running_var", "block1.conv1.weight",
                                          "block1.norm1.weight", "block1.norm1.bias", "block1.norm1.running_mean"};
  EXPECT_EQ(std::vector(names.begin(), names.begin() + 9), expected);
  EXPECT_EQ(names[10], "block1.conv2.weight");
  EXPECT_EQ(names[15], "block2.conv1.weight") << "block 1 keeps its shape: no shortcut";
  EXPECT_EQ(names[25], "block2.shortcut.conv.weight");
  EXPECT_EQ(names[26], "block2.shortcut.norm.weight");
  EXPECT_EQ(names[29], "block2.shortcut.norm.running_var");
  EXPECT_EQ(names[30], "dense1.weight");
  EXPECT_EQ(names.size(), 32u);
  for (const auto& state : states) EXPECT_EQ(state.find("running"), std::string::npos) << state;
  EXPECT_EQ(states.size(), 2u * (32 - 12)) << "nothing is kept for the six pairs of running statistics";
  EXPECT_EQ(session->tensors()[25].shape, (std::vector<std::size_t>{7, 5, 1, 1}));
  EXPECT_EQ(session->tensors()[15].shape, (std::vector<std::size_t>{7, 5, 3, 3}));
}

TEST_P(Normalisation, BeginsWithOnesAndZeros) {
  const auto session = make(small_resnet());
  EXPECT_EQ(values(*session, tensor(*session, "block2.norm2.weight")), std::vector<float>(7, 1.0f));
  EXPECT_EQ(values(*session, tensor(*session, "block2.norm2.bias")), std::vector<float>(7, 0.0f));
  EXPECT_EQ(values(*session, tensor(*session, "block2.norm2.running_mean")), std::vector<float>(7, 0.0f));
  EXPECT_EQ(values(*session, tensor(*session, "block2.norm2.running_var")), std::vector<float>(7, 1.0f));
}

TEST_P(Normalisation, ASnapshotHoldsTheRunningStatistics) {
  const auto spec = small_resnet();
  const Images images(spec, 50, 2);
  auto session = make(spec);
  const DataId data = session->attach(images.view);
  step(*session, data, range(0, 50), 1);
  for (const auto contents : {Contents::weights, Contents::everything}) {
    auto kept = session->snapshot(contents);
    const auto before = all_values(*session);
    const auto evaluation = session->evaluate(data, 0, 50).loss;
    step(*session, data, range(0, 40), 2);
    const auto statistic = tensor(*session, "block2.shortcut.norm.running_var");
    EXPECT_NE(values(*session, statistic), before[statistic]);
    session->restore(*kept);
    EXPECT_EQ(values(*session, statistic), before[statistic]);
    EXPECT_EQ(session->evaluate(data, 0, 50).loss, evaluation);
  }
}

TEST_P(Normalisation, TensorsWrittenOneByOneAreTheSameState) {
  const auto spec = small_resnet();
  const Images images(spec, 50, 2);
  auto session = make(spec), other = make(spec);
  const DataId data = session->attach(images.view), its_data = other->attach(images.view);
  step(*session, data, range(0, 50), 1);
  const auto all = all_values(*session);
  other->initialise(1234);
  for (std::size_t i = 0; i < all.size(); ++i) other->write(i, all[i]);
  EXPECT_EQ(session->evaluate(data, 0, 50).loss, other->evaluate(its_data, 0, 50).loss);
  EXPECT_EQ(step(*session, data, range(0, 40), 2).loss, step(*other, its_data, range(0, 40), 2).loss);
  EXPECT_EQ(all_values(*session), all_values(*other));
}

/// Mean 1000, deviation 1: a sum of squares in single precision would have lost the variance.
TEST_P(Normalisation, SurvivesAMeanFarFromZero) {
  const Images images(plain_, 30, 8);
  auto session = make(plain_, Sgd{});
  const DataId data = session->attach({images.pixels.data(), images.labels.data(), 30, -250.0f, 0.25f});
  session->write(tensor(*session, "conv1.weight"), std::vector<float>{1.0f});
  step(*session, data, range(0, 30), 1, 0.0);
  double mean = 0, squares = 0;
  for (const auto pixel : images.pixels) mean += (pixel / 255.0 + 250.0) / 0.25 / 450;
  for (const auto pixel : images.pixels) squares += std::pow((pixel / 255.0 + 250.0) / 0.25 - mean, 2);
  EXPECT_NEAR(values(*session, tensor(*session, "norm1.running_var"))[0], 0.9 + 0.1 * squares / 449, 1e-3);
}

INSTANTIATE_TEST_SUITE_P(On, Normalisation, testing::ValuesIn(paths()), path_name);

}  // namespace
}  // namespace sidestep::kernels::test
