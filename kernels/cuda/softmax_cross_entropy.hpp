#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include <sidestep/kernels/cuda/block_size.hpp>
#include <sidestep/kernels/cuda/step_block.hpp>

namespace sidestep::kernels::cuda {

/// How many LossPart a batch gives. Depends on the batch alone.
std::uint32_t loss_parts(std::uint32_t rows);

/// Cross-entropy of softmax(logits), its gradient, and the count of correct answers, in one pass.
/// Numerically: subtracts the row's maximum first (Goodfellow et al., Deep Learning, 4.1). A row is correct if its
/// label has the largest logit, the first of equals. Reference: kernels/reference/softmax.hpp.
///
/// logits    [rows][classes]
/// labels    [rows], each below classes
/// gradient  [rows][classes], becomes (softmax - one_hot) / rows; null: not wanted
/// parts     [loss_parts(rows)]
void softmax_cross_entropy(const float* logits, const std::uint8_t* labels, std::uint32_t rows, std::uint32_t classes,
                           float* gradient, LossPart* parts, cudaStream_t stream, unsigned block = usual_block(128));

}  // namespace sidestep::kernels::cuda
