#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

#include <sidestep/kernels/cuda/block_size.hpp>

namespace sidestep::kernels::cuda {

/// How many sums a column's gradient is made of: floats of scratch a column. Depends on the shape alone, never on the
/// device, so the bits don't either.
unsigned bias_gradient_parts(std::size_t rows);

/// Backward of bias and activation in one pass: where y isn't above 0, gradient becomes 0 (only if y is given), and
/// bias_gradient[c] = sum over rows of gradient[row][c].
///
/// y, gradient    [rows][columns], 16-byte aligned; y null: no activation, gradient is only read
/// bias_gradient  [columns]
/// parts          scratch, [bias_gradient_parts][columns]
/// Reference: tests/cuda/bias_gradient_test.cpp, in double precision; source of the formula: Goodfellow et al., Deep
/// Learning, 6.5.
void bias_gradient(const float* y, float* gradient, std::size_t rows, unsigned columns, float* bias_gradient,
                   float* parts, cudaStream_t stream, unsigned block = usual_block(256));

}  // namespace sidestep::kernels::cuda
