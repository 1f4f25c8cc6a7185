#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include <sidestep/kernels/cuda/block_size.hpp>
#include <sidestep/kernels/cuda/step_block.hpp>

namespace sidestep::kernels::cuda {

/// out[i] = in[i] * factor(i), factor as kernels/dropout.hpp says; forward and backward alike, since nothing is stored.
/// in, out [count] in the order sample, row, column, channel, 16-byte aligned; may be the same.
void dropout(const float* in, float* out, std::size_t count, float rate, std::uint32_t layer, const DeviceStep* step,
             cudaStream_t stream, unsigned block = usual_block(256));

}  // namespace sidestep::kernels::cuda
