#include <algorithm>
#include <climits>
#include <cstdint>
#include <numeric>

#include <sidestep/kernels/emulation/cudnn_types.hpp>

std::size_t cudnnTensorStruct::elements() const {
  return std::accumulate(size.begin(), size.end(), std::size_t{1}, [](auto a, auto b) { return a * std::size_t(b); });
}

std::size_t cudnnTensorStruct::span() const {
  std::int64_t last = 0;
  for (int i = 0; i < 4; ++i) last += std::int64_t{size[i] - 1} * stride[i];
  return static_cast<std::size_t>(last + 1);
}

bool cudnnTensorStruct::channels_last() const {
  const auto fits = [&](int i, int wanted) { return size[i] == 1 || stride[i] == wanted; };
  return fits(1, 1) && fits(3, size[1]) && fits(2, size[1] * size[3]) &&
         (size[0] == 1 || stride[0] >= size[1] * size[2] * size[3]);
}

bool cudnnTensorStruct::overlaps_itself() const {
  std::array<int, 4> order{0, 1, 2, 3};
  std::sort(order.begin(), order.end(), [&](int a, int b) { return stride[a] < stride[b]; });
  std::int64_t reach = 0;  // the last element that the dimensions so far touch
  for (int i : order) {
    if (size[i] == 1) continue;
    if (stride[i] <= reach) return true;
    reach += std::int64_t{size[i] - 1} * stride[i];
  }
  return false;
}

std::size_t cudnnFilterStruct::elements() const {
  return std::accumulate(size.begin(), size.end(), std::size_t{1}, [](auto a, auto b) { return a * std::size_t(b); });
}

std::array<int, 4> cudnnFilterStruct::stride() const { return sidestep::emulation::cudnn::dense_strides(format, size); }

namespace sidestep::emulation::cudnn {

Sizes dense_strides(cudnnTensorFormat_t format, const Sizes& size) {
  const auto [n, c, h, w] = size;
  (void)n;
  if (format == CUDNN_TENSOR_NHWC) return {c * h * w, 1, w * c, c};
  return {c * h * w, h * w, w, 1};
}

void add_regions(std::vector<Region>& regions, const char* argument, const void* at, const cudnnTensorStruct& tensor,
                 Region::Kind kind) {
  const auto* base = static_cast<const char*>(at);
  // Dimensions whose elements follow each other make up a piece; the others are walked through.
  std::array<int, 4> order{0, 1, 2, 3};
  std::sort(order.begin(), order.end(), [&](int a, int b) { return tensor.stride[a] < tensor.stride[b]; });
  std::size_t piece = 1, inner = 0;
  while (inner < 4 && (tensor.size[order[inner]] == 1 || std::size_t(tensor.stride[order[inner]]) == piece))
    piece *= std::size_t(tensor.size[order[inner++]]);
  Sizes index{};
  while (true) {
    std::ptrdiff_t offset = 0;
    for (int i = 0; i < 4; ++i) offset += std::ptrdiff_t{index[i]} * tensor.stride[i];
    regions.push_back({argument, base + offset * std::ptrdiff_t{sizeof(float)}, piece * sizeof(float), kind});
    std::size_t outer = inner;
    while (outer < 4 && ++index[order[outer]] == tensor.size[order[outer]]) index[order[outer++]] = 0;
    if (outer == 4) return;
  }
}

cudnnStatus_t check_call(const char* call, cudnnHandle_t handle, std::initializer_list<const void*> pointers,
                         std::initializer_list<const cudnnTensorStruct*> tensors) {
  if (!handle) return refuse(CUDNN_STATUS_BAD_PARAM, call, "handle is null");
  for (const auto* pointer : pointers)
    if (!pointer) return refuse(CUDNN_STATUS_BAD_PARAM, call, "a pointer is null that mustn't be");
  for (const auto* tensor : tensors)
    if (!tensor || !tensor->set) return refuse(CUDNN_STATUS_BAD_PARAM, call, "a tensor descriptor isn't set");
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t check_float(const char* call, std::initializer_list<const cudnnTensorStruct*> tensors) {
  for (const auto* tensor : tensors) {
    if (tensor->type != CUDNN_DATA_FLOAT)
      return refuse(CUDNN_STATUS_NOT_SUPPORTED, call, "the emulation computes in float only");
    if (tensor->overlaps_itself())
      return refuse(CUDNN_STATUS_NOT_SUPPORTED, call, "a tensor's strides let two of its elements share memory");
  }
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace sidestep::emulation::cudnn

using namespace sidestep::emulation;
using cudnn::refuse;

namespace {

bool known(cudnnDataType_t type) {
  switch (type) {
    case CUDNN_DATA_FLOAT:
    case CUDNN_DATA_DOUBLE:
    case CUDNN_DATA_HALF:
    case CUDNN_DATA_INT8:
    case CUDNN_DATA_INT32:
    case CUDNN_DATA_UINT8:
    case CUDNN_DATA_BFLOAT16:
      return true;
  }
  return false;
}

std::size_t element_bytes(cudnnDataType_t type) {
  switch (type) {
    case CUDNN_DATA_DOUBLE:
      return 8;
    case CUDNN_DATA_HALF:
    case CUDNN_DATA_BFLOAT16:
      return 2;
    case CUDNN_DATA_INT8:
    case CUDNN_DATA_UINT8:
      return 1;
    default:
      return 4;
  }
}

bool positive(const cudnn::Sizes& size) {
  return std::all_of(size.begin(), size.end(), [](int x) { return x > 0; });
}

}  // namespace

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* descriptor) {
  if (!descriptor) return refuse(CUDNN_STATUS_BAD_PARAM, "cudnnCreateTensorDescriptor", "descriptor is null");
  *descriptor = new cudnnTensorStruct;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t descriptor) {
  delete descriptor;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t descriptor, cudnnTensorFormat_t format,
                                         cudnnDataType_t type, int n, int c, int h, int w) {
  const char* call = "cudnnSetTensor4dDescriptor";
  if (!descriptor) return refuse(CUDNN_STATUS_BAD_PARAM, call, "descriptor is null");
  if (!positive({n, c, h, w})) return refuse(CUDNN_STATUS_BAD_PARAM, call, "a size isn't positive");
  if (!known(type)) return refuse(CUDNN_STATUS_BAD_PARAM, call, "unknown data type");
  if (format != CUDNN_TENSOR_NCHW && format != CUDNN_TENSOR_NHWC)
    return refuse(CUDNN_STATUS_BAD_PARAM, call, "unknown format");
  if (std::int64_t{n} * c > INT_MAX / h || std::int64_t{n} * c * h > INT_MAX / w)
    return refuse(CUDNN_STATUS_NOT_SUPPORTED, call, "a stride doesn't fit an int");
  *descriptor = {true, type, {n, c, h, w}, cudnn::dense_strides(format, {n, c, h, w})};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetTensor4dDescriptorEx(cudnnTensorDescriptor_t descriptor, cudnnDataType_t type, int n, int c,
                                           int h, int w, int n_stride, int c_stride, int h_stride, int w_stride) {
  const char* call = "cudnnSetTensor4dDescriptorEx";
  if (!descriptor) return refuse(CUDNN_STATUS_BAD_PARAM, call, "descriptor is null");
  if (!positive({n, c, h, w})) return refuse(CUDNN_STATUS_BAD_PARAM, call, "a size isn't positive");
  if (!known(type)) return refuse(CUDNN_STATUS_BAD_PARAM, call, "unknown data type");
  const cudnnTensorStruct made{true, type, {n, c, h, w}, {n_stride, c_stride, h_stride, w_stride}};
  for (int i = 0; i < 4; ++i)
    if (made.stride[i] == 0 && made.size[i] != 1) return refuse(CUDNN_STATUS_BAD_PARAM, call, "a stride is zero");
  *descriptor = made;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetTensor4dDescriptor(const cudnnTensorDescriptor_t descriptor, cudnnDataType_t* type, int* n,
                                         int* c, int* h, int* w, int* n_stride, int* c_stride, int* h_stride,
                                         int* w_stride) {
  if (!descriptor || !type || !n || !c || !h || !w || !n_stride || !c_stride || !h_stride || !w_stride)
    return refuse(CUDNN_STATUS_BAD_PARAM, "cudnnGetTensor4dDescriptor", "an argument is null");
  *type = descriptor->type;
  const std::array<int*, 4> size{n, c, h, w}, stride{n_stride, c_stride, h_stride, w_stride};
  for (int i = 0; i < 4; ++i) {
    *size[i] = descriptor->size[i];
    *stride[i] = descriptor->stride[i];
  }
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetTensorSizeInBytes(const cudnnTensorDescriptor_t descriptor, size_t* size) {
  if (!descriptor || !size || !descriptor->set)
    return refuse(CUDNN_STATUS_BAD_PARAM, "cudnnGetTensorSizeInBytes", "descriptor or size is null, or nothing set");
  *size = descriptor->span() * element_bytes(descriptor->type);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t* descriptor) {
  if (!descriptor) return refuse(CUDNN_STATUS_BAD_PARAM, "cudnnCreateFilterDescriptor", "descriptor is null");
  *descriptor = new cudnnFilterStruct;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t descriptor) {
  delete descriptor;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t descriptor, cudnnDataType_t type,
                                         cudnnTensorFormat_t format, int k, int c, int h, int w) {
  const char* call = "cudnnSetFilter4dDescriptor";
  if (!descriptor) return refuse(CUDNN_STATUS_BAD_PARAM, call, "descriptor is null");
  if (!positive({k, c, h, w})) return refuse(CUDNN_STATUS_BAD_PARAM, call, "a size isn't positive");
  if (!known(type)) return refuse(CUDNN_STATUS_BAD_PARAM, call, "unknown data type");
  if (format != CUDNN_TENSOR_NCHW && format != CUDNN_TENSOR_NHWC)
    return refuse(CUDNN_STATUS_BAD_PARAM, call, "unknown format");
  *descriptor = {true, type, format, {k, c, h, w}};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetFilter4dDescriptor(const cudnnFilterDescriptor_t descriptor, cudnnDataType_t* type,
                                         cudnnTensorFormat_t* format, int* k, int* c, int* h, int* w) {
  if (!descriptor || !type || !format || !k || !c || !h || !w)
    return refuse(CUDNN_STATUS_BAD_PARAM, "cudnnGetFilter4dDescriptor", "an argument is null");
  *type = descriptor->type;
  *format = descriptor->format;
  const std::array<int*, 4> size{k, c, h, w};
  for (int i = 0; i < 4; ++i) *size[i] = descriptor->size[i];
  return CUDNN_STATUS_SUCCESS;
}
