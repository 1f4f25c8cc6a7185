#pragma once

#include <sidestep/kernels/cuda/algorithms.hpp>
#include <sidestep/kernels/cuda/handle.hpp>
#include <sidestep/kernels/cuda/workbench.hpp>

namespace sidestep::kernels::cuda {

/// By which cuDNN and cuBLASLt scale a result, and what was there before.
inline constexpr float one = 1.0f, zero = 0.0f;

/// What every operation of a session needs: its stream and the libraries' handles, bound to it.
struct Context {
  cudaStream_t stream{};
  cudnnHandle_t cudnn{};
  cublasLtHandle_t blas{};
  bool tf32 = false;  ///< may products be rounded to TF32's 10 bits of mantissa
  /// What a convolution may take for speed; where none does with that, the smallest one is taken.
  std::size_t workspace_limit = std::size_t{256} << 20;
  Algorithms* algorithms = nullptr;
};

}  // namespace sidestep::kernels::cuda
