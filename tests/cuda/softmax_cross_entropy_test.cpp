#include <cmath>

#include <sidestep/kernels/cuda/softmax_cross_entropy.hpp>
#include <sidestep/kernels/reference/softmax.hpp>

#include "support.hpp"

namespace sidestep::kernels::cuda::test {
namespace {

void check_softmax_cross_entropy(std::uint32_t rows, std::uint32_t classes, unsigned block) {
  SCOPED_TRACE(testing::Message() << rows << " x " << classes << ", blocks of " << block);
  std::mt19937 random(rows * 101 + classes);
  auto logits = random_floats(std::size_t{rows} * classes, random, -8, 8);
  std::vector<std::uint8_t> labels(rows);
  for (auto& label : labels) label = static_cast<std::uint8_t>(random() % classes);
  for (std::uint32_t row = 0; row < rows && row < 2; ++row) {  // of equals the first is the answer, the others are not
    logits[row * classes] = logits[(row + 1) * classes - 1] = 9;
    labels[row] = static_cast<std::uint8_t>(row == 0 ? 0 : classes - 1);
  }
  const auto found = same_for_every_seed([&] {
    const DeviceArray<float> x(logits), g(logits.size());
    const DeviceArray<std::uint8_t> l(labels);
    const DeviceArray<LossPart> p(loss_parts(rows));
    softmax_cross_entropy(x.data(), l.data(), rows, classes, g.data(), p.data(), nullptr, block);
    const DeviceArray<LossPart> without_gradient(loss_parts(rows));
    softmax_cross_entropy(x.data(), l.data(), rows, classes, nullptr, without_gradient.data(), nullptr, block);
    expect_same_bits(without_gradient.get(), p.get());
    return std::tuple(g.get(), p.get());
  });
  const auto& [gradient, parts] = found;
  double loss = 0, expected_loss = 0;
  std::uint32_t correct = 0, expected_correct = 0;
  for (const auto& part : parts) loss += part.loss, correct += part.correct;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::vector<double> x(logits.begin() + static_cast<std::ptrdiff_t>(row * classes),
                                logits.begin() + static_cast<std::ptrdiff_t>((row + 1) * classes));
    const auto reference = reference::softmax_cross_entropy(x, labels[row]);
    expected_loss += reference.loss;
    expected_correct += reference.correct;
    for (std::size_t c = 0; c < classes; ++c) {
      const double exact = reference.gradient[c];
      const double size = c == labels[row] ? 2 + exact : exact;  // of softmax and of the 1 that is subtracted from it
      expect_close(gradient[row * classes + c], exact / rows, 0.1 * size / rows, "gradient", row * classes + c);
    }
  }
  expect_close(loss, expected_loss, rows, "loss", 0);
  EXPECT_EQ(correct, expected_correct);
}

TEST(CudaSoftmaxCrossEntropy, IsTheReferenceForAnyShape) {
  for (const unsigned block : block_sizes()) {
    check_softmax_cross_entropy(1, 1, block);
    check_softmax_cross_entropy(5, 10, block);
    check_softmax_cross_entropy(64, 10, block);
    check_softmax_cross_entropy(17, 33, block);
    check_softmax_cross_entropy(9, 200, block);
  }
}

TEST(CudaSoftmaxCrossEntropy, IsTheReferenceForDrawnShapes) {
  for_drawn_shapes([](Draw& draw) {
    const std::uint32_t classes = draw.up_to(256);
    check_softmax_cross_entropy(draw.up_to(4000 / classes), classes, draw.block());
  });
}

}  // namespace
}  // namespace sidestep::kernels::cuda::test
