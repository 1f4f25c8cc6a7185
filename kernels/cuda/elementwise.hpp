#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

#include <sidestep/kernels/cuda/block_size.hpp>

namespace sidestep::kernels::cuda {

// Over `count` values in arrays that are 16-byte aligned; out may be one of the inputs.

/// x = max(0, x)
void relu(float* x, std::size_t count, cudaStream_t stream, unsigned block = usual_block(256));
/// out = max(0, a + b): the end of a residual block (He et al., 2016)
void add_relu(const float* a, const float* b, float* out, std::size_t count, cudaStream_t stream,
              unsigned block = usual_block(256));
/// gradient = y > 0 ? gradient : 0
void relu_backward(const float* y, float* gradient, std::size_t count, cudaStream_t stream,
                   unsigned block = usual_block(256));
/// out = a + b: gradients that meet
void add(const float* a, const float* b, float* out, std::size_t count, cudaStream_t stream,
         unsigned block = usual_block(256));

}  // namespace sidestep::kernels::cuda
