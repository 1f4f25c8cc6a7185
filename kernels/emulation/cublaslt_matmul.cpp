#include <dnnl.h>

#include <algorithm>
#include <array>
#include <vector>

#include <sidestep/kernels/emulation/cublaslt_types.hpp>
#include <sidestep/kernels/emulation/library_call.hpp>
#include <sidestep/kernels/emulation/one_thread.hpp>

namespace sidestep::emulation::cublaslt {
namespace {

/// A product whose parts fit together. m, n: rows and columns of D; k: what is summed over.
struct Product {
  Operation operation;
  Layout a, b, c, d;
  std::size_t m, n, k;

  bool epilogue_has(cublasLtEpilogue_t part) const { return (operation.epilogue & part) == std::uint32_t(part); }
  bool relu() const { return epilogue_has(CUBLASLT_EPILOGUE_RELU); }
  bool bias() const { return epilogue_has(CUBLASLT_EPILOGUE_BIAS); }
  bool relu_gradient() const { return epilogue_has(CUBLASLT_EPILOGUE_DRELU); }
  bool mask() const { return (operation.epilogue & 128u) != 0; }
  bool gradient_of_a() const { return operation.epilogue == CUBLASLT_EPILOGUE_BGRADA; }
  bool gradient_of_b() const { return operation.epilogue == CUBLASLT_EPILOGUE_BGRADB; }
  bool gradient_of_d() const { return operation.epilogue == CUBLASLT_EPILOGUE_DRELU_BGRAD; }
  bool vector() const { return bias() || gradient_of_a() || gradient_of_b() || gradient_of_d(); }
  std::size_t vector_length() const { return gradient_of_b() ? n : m; }
  std::size_t mask_bytes() const { return std::size_t(operation.aux_ld) / 8 * n; }
};

bool known(std::uint32_t epilogue) {
  switch (epilogue) {
    case CUBLASLT_EPILOGUE_DEFAULT:
    case CUBLASLT_EPILOGUE_RELU:
    case CUBLASLT_EPILOGUE_BIAS:
    case CUBLASLT_EPILOGUE_RELU_BIAS:
    case CUBLASLT_EPILOGUE_RELU_AUX:
    case CUBLASLT_EPILOGUE_RELU_AUX_BIAS:
    case CUBLASLT_EPILOGUE_DRELU:
    case CUBLASLT_EPILOGUE_DRELU_BGRAD:
    case CUBLASLT_EPILOGUE_BGRADA:
    case CUBLASLT_EPILOGUE_BGRADB:
      return true;
    default:
      return false;
  }
}

bool well_formed(const Layout& l) {
  const auto shortest = l.order == CUBLASLT_ORDER_ROW ? l.cols : l.rows;
  return l.rows > 0 && l.cols > 0 && l.ld > 0 && std::uint64_t(l.ld) >= shortest;
}

cublasStatus_t product_of(cublasLtMatmulDesc_t operation, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                          cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d, Product& p) {
  if (!operation || !a || !b || !c || !d) return CUBLAS_STATUS_INVALID_VALUE;
  p = {load<Operation>(operation), load<Layout>(a), load<Layout>(b), load<Layout>(c), load<Layout>(d), 0, 0, 0};
  const Operation& o = p.operation;
  for (const auto* l : {&p.a, &p.b, &p.c, &p.d}) {
    if (!well_formed(*l)) return CUBLAS_STATUS_INVALID_VALUE;
    if (l->order != CUBLASLT_ORDER_COL && l->order != CUBLASLT_ORDER_ROW) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (l->type != CUDA_R_32F || l->batch != 1) return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  for (auto trans : {o.trans_a, o.trans_b})
    if (trans != CUBLAS_OP_N && trans != CUBLAS_OP_T && trans != CUBLAS_OP_C) return CUBLAS_STATUS_INVALID_VALUE;
  if (o.compute != CUBLAS_COMPUTE_32F && o.compute != CUBLAS_COMPUTE_32F_PEDANTIC &&
      o.compute != CUBLAS_COMPUTE_32F_FAST_TF32)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  if (o.scale != CUDA_R_32F || o.pointer_mode != CUBLASLT_POINTER_MODE_HOST) return CUBLAS_STATUS_NOT_SUPPORTED;

  const bool ta = o.trans_a != CUBLAS_OP_N, tb = o.trans_b != CUBLAS_OP_N;
  p.m = ta ? p.a.cols : p.a.rows;
  p.k = ta ? p.a.rows : p.a.cols;
  p.n = tb ? p.b.rows : p.b.cols;
  const auto inner = tb ? p.b.cols : p.b.rows;
  if (inner != p.k || p.d.rows != p.m || p.d.cols != p.n || p.c.rows != p.m || p.c.cols != p.n ||
      p.c.order != p.d.order)
    return CUBLAS_STATUS_INVALID_VALUE;

  if (!known(o.epilogue)) return CUBLAS_STATUS_NOT_SUPPORTED;
  // Row-major outputs with more than a ReLU, and bias gradients of transposed operands in the other direction, are left
  // out: it isn't known to us that every version of the real library has them.
  const bool simple = o.epilogue == CUBLASLT_EPILOGUE_DEFAULT || o.epilogue == CUBLASLT_EPILOGUE_RELU;
  if (!simple && p.d.order != CUBLASLT_ORDER_COL) return CUBLAS_STATUS_NOT_SUPPORTED;
  if ((p.gradient_of_a() && ta) || (p.gradient_of_b() && !tb)) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (p.mask() && (o.aux_ld % 128 != 0 || o.aux_ld < std::int64_t(p.m))) return CUBLAS_STATUS_INVALID_VALUE;
  return CUBLAS_STATUS_SUCCESS;
}

/// The memory of a matrix: one region if it is dense, one for each row or column otherwise.
void add_regions(std::vector<Region>& regions, const char* name, const void* at, const Layout& l, Region::Kind kind) {
  const std::size_t length = l.order == CUBLASLT_ORDER_ROW ? l.cols : l.rows;
  const std::size_t lines = l.order == CUBLASLT_ORDER_ROW ? l.rows : l.cols;
  const auto* base = static_cast<const float*>(at);
  if (std::size_t(l.ld) == length) {
    regions.push_back({name, base, length * lines * sizeof(float), kind});
    return;
  }
  for (std::size_t i = 0; i < lines; ++i)
    regions.push_back({name, base + i * std::size_t(l.ld), length * sizeof(float), kind});
}

std::size_t index(const Layout& l, std::size_t row, std::size_t column) {
  return l.order == CUBLASLT_ORDER_ROW ? row * std::size_t(l.ld) + column : column * std::size_t(l.ld) + row;
}

/// d = alpha op(a) op(b) + beta d, by oneDNN, which counts row by row: a column-major D is seen as its transpose.
void multiply(const Product& p, float alpha, const float* a, const float* b, float beta, float* d) {
  const auto i = [](std::size_t x) { return static_cast<dnnl_dim_t>(x); };
  const bool rows = p.d.order == CUBLASLT_ORDER_ROW;
  const auto way = [rows](const Layout& l, std::int32_t trans) {
    const bool stored_in_rows = (l.order == CUBLASLT_ORDER_ROW) == (trans == CUBLAS_OP_N);
    return stored_in_rows == rows ? 'N' : 'T';
  };
  const char wa = way(p.a, p.operation.trans_a), wb = way(p.b, p.operation.trans_b);
  const OneThread one;
  if (rows)
    dnnl_sgemm(wa, wb, i(p.m), i(p.n), i(p.k), alpha, a, p.a.ld, b, p.b.ld, beta, d, p.d.ld);
  else
    dnnl_sgemm(wb, wa, i(p.n), i(p.m), i(p.k), alpha, b, p.b.ld, a, p.a.ld, beta, d, p.d.ld);
}

/// Sums of op(a)'s rows, or of op(b)'s columns.
void sum_operand(const Product& p, const Layout& l, const float* values, bool transposed, bool is_a, float* sums) {
  for (std::size_t i = 0; i < p.vector_length(); ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < p.k; ++k) {
      const bool i_is_row = is_a != transposed;
      sum += values[i_is_row ? index(l, i, k) : index(l, k, i)];
    }
    sums[i] = static_cast<float>(sum);
  }
}

void finish(const Product& p, const float* a, const float* b, float* d) {
  auto* vector = static_cast<float*>(p.operation.bias);
  auto* mask = static_cast<unsigned char*>(p.operation.aux);
  if (p.gradient_of_a()) sum_operand(p, p.a, a, p.operation.trans_a != CUBLAS_OP_N, true, vector);
  if (p.gradient_of_b()) sum_operand(p, p.b, b, p.operation.trans_b != CUBLAS_OP_N, false, vector);
  std::vector<double> sums(p.gradient_of_d() ? p.m : 0);
  for (std::size_t column = 0; column < p.n; ++column)
    for (std::size_t row = 0; row < p.m; ++row) {
      float& value = d[index(p.d, row, column)];
      if (p.bias()) value += vector[row];
      if (p.mask()) {
        const std::size_t bit = column * std::size_t(p.operation.aux_ld) + row;
        unsigned char& byte = mask[bit / 8];
        const auto flag = static_cast<unsigned char>(1u << (bit % 8));
        if (p.relu_gradient()) {
          if (!(byte & flag)) value = 0.0f;
        } else {
          byte = static_cast<unsigned char>(value > 0.0f ? byte | flag : byte & ~flag);
        }
      }
      if (p.relu() && !p.relu_gradient()) value = value > 0.0f || value != value ? value : 0.0f;
      if (p.gradient_of_d()) sums[row] += value;
    }
  for (std::size_t row = 0; row < sums.size(); ++row) vector[row] = static_cast<float>(sums[row]);
}

}  // namespace
}  // namespace sidestep::emulation::cublaslt

using namespace sidestep::emulation;
using namespace sidestep::emulation::cublaslt;

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int requested,
                                              cublasLtMatmulHeuristicResult_t results[], int* returned) {
  if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (!preference || !results || !returned || requested < 1) return CUBLAS_STATUS_INVALID_VALUE;
  *returned = 0;
  Product p;
  if (const auto status = product_of(operation, a, b, c, d, p)) return status;
  const auto wishes = load<Preference>(preference);
  const auto add = [&](std::size_t workspace) {
    if (*returned == requested) return;
    cublasLtMatmulHeuristicResult_t result{};
    Algorithm algorithm{Algorithm::our_mark, workspace};
    // No kernel loads more than 16 bytes at once, whatever more was promised.
    for (int i = 0; i < 4; ++i) algorithm.alignment[i] = std::clamp(wishes.alignment[i], 4u, 16u);
    store(&result.algo, algorithm);
    result.workspaceSize = workspace;
    result.state = CUBLAS_STATUS_SUCCESS;
    result.wavesCount = 1.0f;
    results[(*returned)++] = result;
  };
  // One that adds up parts of the sum in a workspace, where it may, and one that needs none.
  const std::size_t parts = p.m * p.n * sizeof(float);
  if (parts <= wishes.workspace && (wishes.reductions & CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE)) add(parts);
  add(0);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation, const void* alpha,
                              const void* a_memory, cublasLtMatrixLayout_t a_layout, const void* b_memory,
                              cublasLtMatrixLayout_t b_layout, const void* beta, const void* c_memory,
                              cublasLtMatrixLayout_t c_layout, void* d_memory, cublasLtMatrixLayout_t d_layout,
                              const cublasLtMatmulAlgo_t* algorithm, void* workspace, size_t workspace_bytes,
                              cudaStream_t stream) {
  if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (!alpha || !beta || !a_memory || !b_memory || !d_memory) return CUBLAS_STATUS_INVALID_VALUE;
  Product p;
  if (const auto status = product_of(operation, a_layout, b_layout, c_layout, d_layout, p)) return status;
  const float scale = *static_cast<const float*>(alpha), keep = *static_cast<const float*>(beta);
  if (keep != 0.0f && !c_memory) return CUBLAS_STATUS_INVALID_VALUE;
  if ((p.vector() && !p.operation.bias) || (p.mask() && !p.operation.aux)) return CUBLAS_STATUS_INVALID_VALUE;
  if (c_memory == d_memory && p.c.ld != p.d.ld) return CUBLAS_STATUS_INVALID_VALUE;
  const auto chosen = algorithm ? load<Algorithm>(algorithm) : Algorithm{};
  if (chosen.mark != Algorithm::our_mark) return CUBLAS_STATUS_INVALID_VALUE;
  if (chosen.workspace && (!workspace || workspace_bytes < chosen.workspace)) return CUBLAS_STATUS_INVALID_VALUE;
  const auto off = [](const void* memory, std::uint32_t bytes) {
    return reinterpret_cast<std::uintptr_t>(memory) % bytes != 0;
  };
  const std::array<const void*, 4> matrices{a_memory, b_memory, keep != 0.0f ? c_memory : nullptr, d_memory};
  for (std::size_t i = 0; i < matrices.size(); ++i)
    if (off(matrices[i], chosen.alignment[i])) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (p.vector() && off(p.operation.bias, alignof(float))) return CUBLAS_STATUS_INVALID_VALUE;
  if (p.mask() && off(p.operation.aux, 16)) return CUBLAS_STATUS_INVALID_VALUE;

  using Kind = Region::Kind;
  std::vector<Region> regions;
  add_regions(regions, "A", a_memory, p.a, Kind::read);
  add_regions(regions, "B", b_memory, p.b, Kind::read);
  if (keep != 0.0f) add_regions(regions, "C", c_memory, p.c, Kind::read);
  add_regions(regions, "D", d_memory, p.d, Kind::write);
  if (p.vector())
    regions.push_back(
        {"bias", p.operation.bias, p.vector_length() * sizeof(float), p.bias() ? Kind::read : Kind::write});
  if (p.mask())
    regions.push_back({"epilogue aux", p.operation.aux, p.mask_bytes(), p.relu_gradient() ? Kind::read : Kind::write});
  if (chosen.workspace) regions.push_back({"workspace", workspace, chosen.workspace, Kind::write});

  const auto error = submit(stream, __func__, std::move(regions), [=] {
    const auto* a = static_cast<const float*>(a_memory);
    const auto* b = static_cast<const float*>(b_memory);
    const auto* c = static_cast<const float*>(c_memory);
    auto* d = static_cast<float*>(d_memory);
    // Nobody may count on what is in a workspace afterwards, nor on its having been left alone.
    if (chosen.workspace) std::memset(workspace, 0xFF, chosen.workspace);
    if (keep != 0.0f && c != d)
      for (std::size_t column = 0; column < p.n; ++column)
        for (std::size_t row = 0; row < p.m; ++row) d[index(p.d, row, column)] = c[index(p.c, row, column)];
    multiply(p, scale, a, b, keep, d);
    if (p.operation.epilogue != CUBLASLT_EPILOGUE_DEFAULT) finish(p, a, b, d);
  });
  return error == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}
