#pragma once

#include <cstdint>
#include <cstring>

#include "include/cublasLt.h"

/// What stands in cuBLASLt's opaque structs.

struct cublasLtContext {
  int unused = 0;
};

namespace sidestep::emulation::cublaslt {

struct Layout {
  std::uint32_t type = CUDA_R_32F;
  std::int32_t order = CUBLASLT_ORDER_COL;
  std::uint64_t rows = 0, cols = 0;
  std::int64_t ld = 0;
  std::int32_t batch = 1;
  std::int64_t batch_offset = 0;
};

struct Operation {
  std::int32_t compute = CUBLAS_COMPUTE_32F, scale = CUDA_R_32F, pointer_mode = CUBLASLT_POINTER_MODE_HOST;
  std::int32_t trans_a = CUBLAS_OP_N, trans_b = CUBLAS_OP_N;
  std::uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  void* bias = nullptr;
  void* aux = nullptr;
  std::int64_t aux_ld = 0;
};

struct Preference {
  std::uint32_t search = 0;
  std::uint64_t workspace = 0;
  std::uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_MASK;
  std::uint32_t alignment[4] = {256, 256, 256, 256};
};

/// Which way a product is computed. The mark tells an algorithm of ours from whatever else stands in that memory.
struct Algorithm {
  static constexpr std::uint64_t our_mark = 0x73696465'73746570;
  std::uint64_t mark = our_mark;
  std::uint64_t workspace = 0;
  std::uint32_t alignment[4] = {4, 4, 4, 4};  ///< bytes, of A, B, C, D: what was promised when it was chosen
};

template <class Inside, class Opaque>
Inside load(const Opaque* opaque) {
  static_assert(sizeof(Inside) <= sizeof(Opaque));
  Inside inside;
  std::memcpy(static_cast<void*>(&inside), opaque, sizeof inside);
  return inside;
}

template <class Inside, class Opaque>
void store(Opaque* opaque, const Inside& inside) {
  static_assert(sizeof(Inside) <= sizeof(Opaque));
  std::memcpy(opaque, static_cast<const void*>(&inside), sizeof inside);
}

}  // namespace sidestep::emulation::cublaslt
