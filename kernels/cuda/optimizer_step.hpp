#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include <sidestep/kernels/cuda/block_size.hpp>
#include <sidestep/kernels/cuda/step_block.hpp>
#include <sidestep/kernels/optimizer.hpp>

namespace sidestep::kernels::cuda {

/// All parameters of the network: they, their gradients and their optimizer state lie in four arrays, at the same
/// places.
struct ParameterArrays {
  float* weights = nullptr;
  const float* gradients = nullptr;
  float* first = nullptr;   ///< momentum, or AdamW's m
  float* second = nullptr;  ///< AdamW's v; null for SGD
  std::size_t count = 0;    ///< what lies between two parameters, for alignment, is zero in all four, and stays so
};

/// One step over all parameters in one launch. Formulas: kernels/optimizer.hpp (torch.optim.SGD, torch.optim.AdamW);
/// reference: kernels/reference/optimizer.hpp. Learning rate and step (AdamW's bias correction) come from `step`.
///
/// squares    [square_count] of gradient_squares
/// clip_norm  gradients are scaled by min(1, clip_norm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_ does; 0: not
void optimizer_step(const Optimizer& optimizer, const ParameterArrays& arrays, const DeviceStep* step,
                    const double* squares, std::uint32_t square_count, double clip_norm, cudaStream_t stream,
                    unsigned block = usual_block(256));

}  // namespace sidestep::kernels::cuda
