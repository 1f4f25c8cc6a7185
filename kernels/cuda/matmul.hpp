#pragma once

#include <cstddef>

#include <sidestep/kernels/cuda/context.hpp>

namespace sidestep::kernels::cuda {

/// d = op(a) op(b), then what the epilogue adds, by cuBLASLt. Column-major, as all of BLAS: a row-major [rows][columns]
/// is its columns x rows.
struct MatmulShape {
  std::size_t m = 1, n = 1, k = 1;  ///< d is m x n, the sum over k
  bool transpose_a = false, transpose_b = false;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
};

class Matmul {
 public:
  Matmul(const Context& context, Workbench& bench, const MatmulShape& shape);

  /// bias [m], if the epilogue has one.
  void run(const float* a, const float* b, float* d, const float* bias = nullptr) const;

 private:
  const Context& context_;
  Workbench& bench_;
  MatmulDescriptor matmul_;
  MatrixLayout a_, b_, d_;
  cublasLtMatmulAlgo_t algorithm_{};
};

}  // namespace sidestep::kernels::cuda
