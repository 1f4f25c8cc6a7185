#pragma once

#include <cstddef>
#include <cstdint>

namespace sidestep::kernels::cpu {

struct SoftmaxSums {
  double loss = 0.0;  ///< sum over the rows, in nats
  std::uint32_t correct = 0;
};

/// Cross-entropy of softmax(logits) and its gradient, in one pass, over some rows of a batch.
///
/// logits    [rows, classes], `pitch` floats apart
/// labels    [rows], each in [0, classes)
/// gradient  [rows, classes], `pitch` apart, becomes scale * (softmax - one_hot); null: not wanted.
///           The caller passes scale = 1 / batch for the gradient of the mean.
/// A row is correct if its label has the largest logit (the first of equals).
/// Numerically: subtracts the row's maximum first (Goodfellow et al., Deep Learning, 4.1).
SoftmaxSums softmax_cross_entropy(const float* logits, const std::uint8_t* labels, float* gradient, std::size_t rows,
                                  std::size_t classes, std::size_t pitch, float scale);

}  // namespace sidestep::kernels::cpu
