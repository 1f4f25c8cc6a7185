#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

#include <sidestep/kernels/cuda/block_size.hpp>

namespace sidestep::kernels::cuda {

// Over `count` values in arrays that are 16-byte aligned; out may be one of the inputs.
// Reference: tests/cuda/elementwise_test.cpp, in double precision; source of the formula: Nair and Hinton, Rectified
// Linear Units, 2010, and for sums He et al., Deep Residual Learning, 2016.

/// x = max(0, x)
void relu(float* x, std::size_t count, cudaStream_t stream, unsigned block = usual_block(256));
/// out = max(0, a + b): the end of a residual block
void add_relu(const float* a, const float* b, float* out, std::size_t count, cudaStream_t stream,
              unsigned block = usual_block(256));
/// gradient = y > 0 ? gradient : 0
void relu_backward(const float* y, float* gradient, std::size_t count, cudaStream_t stream,
                   unsigned block = usual_block(256));
/// out = a + b: gradients that meet
void add(const float* a, const float* b, float* out, std::size_t count, cudaStream_t stream,
         unsigned block = usual_block(256));

}  // namespace sidestep::kernels::cuda
