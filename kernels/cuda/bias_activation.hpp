#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

#include <sidestep/kernels/cuda/block_size.hpp>

namespace sidestep::kernels::cuda {

/// x[row][c] = f(x[row][c] + bias[c]) in place, f = ReLU or nothing.
/// x [rows][columns], 16-byte aligned; bias [columns].
/// Reference: tests/cuda/elementwise_test.cpp, in double precision; source of the formula: Nair and Hinton, Rectified
/// Linear Units, 2010.
void bias_activation(float* x, const float* bias, std::size_t rows, unsigned columns, bool relu, cudaStream_t stream,
                     unsigned block = usual_block(256));

}  // namespace sidestep::kernels::cuda
