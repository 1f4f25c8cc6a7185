#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include <sidestep/kernels/cuda/block_size.hpp>

namespace sidestep::kernels::cuda {

/// How many sums gradient_squares leaves for this many gradients. Depends on the count alone.
std::uint32_t square_parts(std::size_t count);

/// The first half of the global gradient norm, sqrt(sum of g^2) over all parameters: each block leaves its sum of
/// squares. Who needs the norm (optimizer_step for clipping, end_step for the record) adds the parts up in one fixed
/// order, so all get the same bits and the host none.
///
/// gradients  [count], 16-byte aligned;  parts  [square_parts(count)]
/// Reference: tests/cuda/optimizer_step_test.cpp, in double precision; source of the formula: Pascanu et al., On the
/// Difficulty of Training Recurrent Neural Networks, 2013.
void gradient_squares(const float* gradients, std::size_t count, double* parts, cudaStream_t stream,
                      unsigned block = usual_block(256));

}  // namespace sidestep::kernels::cuda
