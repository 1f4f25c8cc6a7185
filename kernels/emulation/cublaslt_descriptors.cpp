#include <sidestep/kernels/emulation/cublaslt_types.hpp>

// The real library believes whatever a descriptor is given, if only its size is right, and refuses when a product is
// asked for. So do we.

namespace sidestep::emulation::cublaslt {
namespace {

struct Field {
  void* at;
  std::size_t bytes;
};

template <class T>
Field field(T& value) {
  return {&value, sizeof value};
}

Field field_of(Layout& l, cublasLtMatrixLayoutAttribute_t attribute) {
  switch (attribute) {
    case CUBLASLT_MATRIX_LAYOUT_TYPE:
      return field(l.type);
    case CUBLASLT_MATRIX_LAYOUT_ORDER:
      return field(l.order);
    case CUBLASLT_MATRIX_LAYOUT_ROWS:
      return field(l.rows);
    case CUBLASLT_MATRIX_LAYOUT_COLS:
      return field(l.cols);
    case CUBLASLT_MATRIX_LAYOUT_LD:
      return field(l.ld);
    case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT:
      return field(l.batch);
    case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET:
      return field(l.batch_offset);
  }
  return {nullptr, 0};
}

Field field_of(Operation& o, cublasLtMatmulDescAttributes_t attribute) {
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_COMPUTE_TYPE:
      return field(o.compute);
    case CUBLASLT_MATMUL_DESC_SCALE_TYPE:
      return field(o.scale);
    case CUBLASLT_MATMUL_DESC_POINTER_MODE:
      return field(o.pointer_mode);
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return field(o.trans_a);
    case CUBLASLT_MATMUL_DESC_TRANSB:
      return field(o.trans_b);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return field(o.epilogue);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      return field(o.bias);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER:
      return field(o.aux);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD:
      return field(o.aux_ld);
  }
  return {nullptr, 0};
}

Field field_of(Preference& p, cublasLtMatmulPreferenceAttributes_t attribute) {
  switch (attribute) {
    case CUBLASLT_MATMUL_PREF_SEARCH_MODE:
      return field(p.search);
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
      return field(p.workspace);
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
      return field(p.reductions);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
      return field(p.alignment[0]);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
      return field(p.alignment[1]);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
      return field(p.alignment[2]);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
      return field(p.alignment[3]);
  }
  return {nullptr, 0};
}

template <class Inside, class Opaque>
cublasStatus_t create_opaque(Opaque** opaque, const Inside& inside) {
  if (!opaque) return CUBLAS_STATUS_INVALID_VALUE;
  *opaque = new Opaque{};
  store(*opaque, inside);
  return CUBLAS_STATUS_SUCCESS;
}

template <class Inside, class Opaque, class Attribute>
cublasStatus_t set(Opaque* opaque, Attribute attribute, const void* value, std::size_t bytes) {
  if (!opaque || !value) return CUBLAS_STATUS_INVALID_VALUE;
  auto inside = load<Inside>(opaque);
  const Field f = field_of(inside, attribute);
  if (!f.at || f.bytes != bytes) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(f.at, value, bytes);
  store(opaque, inside);
  return CUBLAS_STATUS_SUCCESS;
}

/// bytes 0: only the size is asked for.
template <class Inside, class Opaque, class Attribute>
cublasStatus_t get(const Opaque* opaque, Attribute attribute, void* value, std::size_t bytes, std::size_t* written) {
  if (!opaque) return CUBLAS_STATUS_INVALID_VALUE;
  auto inside = load<Inside>(opaque);
  const Field f = field_of(inside, attribute);
  if (!f.at || (bytes == 0 ? !written : !value || f.bytes != bytes)) return CUBLAS_STATUS_INVALID_VALUE;
  if (bytes) std::memcpy(value, f.at, bytes);
  if (written) *written = f.bytes;
  return CUBLAS_STATUS_SUCCESS;
}

template <class Opaque>
cublasStatus_t destroy(Opaque* opaque) {
  delete opaque;
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace
}  // namespace sidestep::emulation::cublaslt

using namespace sidestep::emulation::cublaslt;

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  if (!handle) return CUBLAS_STATUS_INVALID_VALUE;
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) return CUBLAS_STATUS_NOT_INITIALIZED;
  *handle = new cublasLtContext;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  if (!handle) return CUBLAS_STATUS_INVALID_VALUE;
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

size_t cublasLtGetVersion() { return CUBLAS_VERSION; }

const char* cublasGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_ARCH_MISMATCH:
      return "CUBLAS_STATUS_ARCH_MISMATCH";
    case CUBLAS_STATUS_MAPPING_ERROR:
      return "CUBLAS_STATUS_MAPPING_ERROR";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_INTERNAL_ERROR:
      return "CUBLAS_STATUS_INTERNAL_ERROR";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    case CUBLAS_STATUS_LICENSE_ERROR:
      return "CUBLAS_STATUS_LICENSE_ERROR";
  }
  return "unrecognized status";
}

const char* cublasGetStatusString(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "done";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "there is no handle, or no device to make one for";
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "memory ran out";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "an argument has a value that doesn't fit the others";
    case CUBLAS_STATUS_ARCH_MISMATCH:
      return "the device can't do this";
    case CUBLAS_STATUS_MAPPING_ERROR:
      return "device memory couldn't be reached";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "the computation failed on the device";
    case CUBLAS_STATUS_INTERNAL_ERROR:
      return "the library failed inside";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "the library, or its emulation, doesn't do this";
    case CUBLAS_STATUS_LICENSE_ERROR:
      return "the licence isn't valid";
  }
  return "unrecognized status";
}

const char* cublasLtGetStatusName(cublasStatus_t status) { return cublasGetStatusName(status); }
const char* cublasLtGetStatusString(cublasStatus_t status) { return cublasGetStatusString(status); }

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType type, uint64_t rows,
                                          uint64_t cols, int64_t ld) {
  Layout made;
  made.type = type;
  made.rows = rows;
  made.cols = cols;
  made.ld = ld;
  return create_opaque(layout, made);
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) { return destroy(layout); }
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout,
                                                cublasLtMatrixLayoutAttribute_t attribute, const void* value,
                                                size_t bytes) {
  return set<Layout>(layout, attribute, value, bytes);
}
cublasStatus_t cublasLtMatrixLayoutGetAttribute(cublasLtMatrixLayout_t layout,
                                                cublasLtMatrixLayoutAttribute_t attribute, void* value, size_t bytes,
                                                size_t* written) {
  return get<Layout>(layout, attribute, value, bytes, written);
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* operation, cublasComputeType_t compute_type,
                                        cudaDataType_t scale_type) {
  Operation made;
  made.compute = compute_type;
  made.scale = scale_type;
  return create_opaque(operation, made);
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t operation) { return destroy(operation); }
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, size_t bytes) {
  return set<Operation>(operation, attribute, value, bytes);
}
cublasStatus_t cublasLtMatmulDescGetAttribute(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t attribute,
                                              void* value, size_t bytes, size_t* written) {
  return get<Operation>(operation, attribute, value, bytes, written);
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  return create_opaque(preference, Preference{});
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) { return destroy(preference); }
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute, const void* value,
                                                    size_t bytes) {
  return set<Preference>(preference, attribute, value, bytes);
}
