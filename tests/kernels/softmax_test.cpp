#include <gtest/gtest.h>

#include <sidestep/kernels/cpu/softmax.hpp>
#include <sidestep/kernels/reference/softmax.hpp>

#include "kernels/support.hpp"

namespace sidestep::kernels::test {
namespace {

TEST(SoftmaxCrossEntropy, LossAndGradientEqualTheirDefinition) {
  for (const std::size_t classes : {1u, 2u, 10u, 17u}) {
    const std::size_t rows = 13, pitch = 32;
    const auto logits = random_values(rows * pitch, 3.0, static_cast<std::uint32_t>(classes));
    const auto given = floats(logits);
    std::vector<float> gradient(rows * pitch, 7.0f);
    std::vector<std::uint8_t> labels(rows);
    for (std::size_t r = 0; r < rows; ++r) labels[r] = static_cast<std::uint8_t>(r * 7 % classes);
    const auto sums =
        cpu::softmax_cross_entropy(given.data(), labels.data(), gradient.data(), rows, classes, pitch, 0.25f);
    double loss = 0;
    std::uint32_t correct = 0;
    for (std::size_t r = 0; r < rows; ++r) {
      const auto from = logits.begin() + static_cast<std::ptrdiff_t>(r * pitch);
      auto row = reference::softmax_cross_entropy(
          std::vector<double>(from, from + static_cast<std::ptrdiff_t>(classes)), labels[r]);
      loss += row.loss;
      correct += row.correct;
      for (std::size_t c = 0; c < classes; ++c) EXPECT_NEAR(gradient[r * pitch + c], 0.25 * row.gradient[c], 1e-6);
      for (std::size_t c = classes; c < pitch; ++c) EXPECT_EQ(gradient[r * pitch + c], 7.0f) << "past the classes";
    }
    EXPECT_NEAR(sums.loss, loss, 1e-5 * (1 + loss));
    EXPECT_EQ(sums.correct, correct);
  }
}

TEST(SoftmaxCrossEntropy, LargeLogitsDoNotOverflow) {
  const std::vector<float> logits{1000.0f, -1000.0f, 0.0f};
  const std::uint8_t label = 1;
  std::vector<float> gradient(3);
  const auto sums = cpu::softmax_cross_entropy(logits.data(), &label, gradient.data(), 1, 3, 3, 1.0f);
  EXPECT_FLOAT_EQ(static_cast<float>(sums.loss), 2000.0f);
  EXPECT_FLOAT_EQ(gradient[0], 1.0f);
  EXPECT_FLOAT_EQ(gradient[1], -1.0f);
}

TEST(SoftmaxCrossEntropy, OfEqualLogitsTheFirstIsTheAnswer) {
  const std::vector<float> logits{2.0f, 2.0f};
  const std::uint8_t first = 0, second = 1;
  EXPECT_EQ(cpu::softmax_cross_entropy(logits.data(), &first, nullptr, 1, 2, 2, 1.0f).correct, 1u);
  EXPECT_EQ(cpu::softmax_cross_entropy(logits.data(), &second, nullptr, 1, 2, 2, 1.0f).correct, 0u);
}

}  // namespace
}  // namespace sidestep::kernels::test
