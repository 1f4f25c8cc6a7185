#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include <sidestep/kernels/cuda/block_size.hpp>

namespace sidestep::kernels::cuda {

/// Global average pooling: y[n][c] = mean over the plane of x[n][pixel][c].
/// x [batch][plane][channels], y [batch][channels].
/// Reference: tests/cuda/elementwise_test.cpp, in double precision; source of the formula: Lin et al., Network in
/// Network, 2014.
void mean_pooling(const float* x, std::uint32_t batch, std::uint32_t plane, std::uint32_t channels, float* y,
                  cudaStream_t stream, unsigned block = usual_block(128));

/// dx[n][pixel][c] = dy[n][c] / plane
void mean_pooling_backward(const float* dy, std::uint32_t batch, std::uint32_t plane, std::uint32_t channels, float* dx,
                           cudaStream_t stream, unsigned block = usual_block(256));

}  // namespace sidestep::kernels::cuda
