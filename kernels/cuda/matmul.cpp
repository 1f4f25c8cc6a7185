#include <sidestep/kernels/cuda/matmul.hpp>

#include <fmt/format.h>

#include <cstdint>

#include <sidestep/kernels/cuda/error.hpp>

namespace sidestep::kernels::cuda {
namespace {

/// Column-major and packed, as it lies in memory.
MatrixLayout layout(std::size_t rows, std::size_t columns) {
  cublasLtMatrixLayout_t made{};
  SIDESTEP_CHECK(cublasLtMatrixLayoutCreate(&made, CUDA_R_32F, rows, columns, static_cast<std::int64_t>(rows)));
  return MatrixLayout(made);
}

template <class T>
void set(cublasLtMatmulDesc_t descriptor, cublasLtMatmulDescAttributes_t attribute, const T& value) {
  SIDESTEP_CHECK(cublasLtMatmulDescSetAttribute(descriptor, attribute, &value, sizeof value));
}

template <class T>
void set(cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t attribute, const T& value) {
  SIDESTEP_CHECK(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value));
}

}  // namespace

Matmul::Matmul(const Context& context, Workbench& bench, const MatmulShape& shape)
    : context_(context),
      bench_(bench),
      a_(shape.transpose_a ? layout(shape.k, shape.m) : layout(shape.m, shape.k)),
      b_(shape.transpose_b ? layout(shape.n, shape.k) : layout(shape.k, shape.n)),
      d_(layout(shape.m, shape.n)) {
  cublasLtMatmulDesc_t matmul{};
  SIDESTEP_CHECK(
      cublasLtMatmulDescCreate(&matmul, context.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUDA_R_32F));
  matmul_ = MatmulDescriptor(matmul);
  set(matmul, CUBLASLT_MATMUL_DESC_TRANSA, shape.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(matmul, CUBLASLT_MATMUL_DESC_TRANSB, shape.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(matmul, CUBLASLT_MATMUL_DESC_EPILOGUE, shape.epilogue);

  cublasLtMatmulPreference_t made{};
  SIDESTEP_CHECK(cublasLtMatmulPreferenceCreate(&made));
  const MatmulPreference preference(made);
  set(made, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{context.workspace_limit});
  // Where k is cut into parts, they are added up from a workspace, in order.
  set(made, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, std::uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
  cublasLtMatmulHeuristicResult_t found{};
  int count = 0;
  SIDESTEP_CHECK(cublasLtMatmulAlgoGetHeuristic(context.blas, matmul_, a_, b_, d_, d_, preference, 1, &found, &count));
  if (count == 0 || found.state != CUBLAS_STATUS_SUCCESS)
    throw CudaError(fmt::format("cuBLASLt has no algorithm for a product of {} x {} x {} within {} bytes of workspace",
                                shape.m, shape.n, shape.k, context.workspace_limit));
  algorithm_ = found.algo;
  bench.reserve_workspace(found.workspaceSize);
}

void Matmul::run(const float* a, const float* b, float* d, const float* bias) const {
  if (bias) set(matmul_.get(), CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  SIDESTEP_CHECK(cublasLtMatmul(context_.blas, matmul_, &one, a, a_, b, b_, &zero, d, d_, d, d_, &algorithm_,
                                bench_.workspace(), bench_.workspace_bytes(), context_.stream));
}

}  // namespace sidestep::kernels::cuda
