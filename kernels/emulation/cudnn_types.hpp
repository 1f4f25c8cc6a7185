#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include <sidestep/kernels/emulation/library_call.hpp>

#include "include/cudnn.h"

/// What stands behind cuDNN's handles. A descriptor that was created and not yet set has `set == false`; the real
/// library lets it be created and destroyed, and refuses it elsewhere.

struct cudnnContext {
  cudaStream_t stream = nullptr;
};

struct cudnnTensorStruct {
  bool set = false;
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  std::array<int, 4> size{};    ///< n, c, h, w
  std::array<int, 4> stride{};  ///< in elements, the same order

  std::size_t elements() const;
  std::size_t span() const;      ///< elements from the first to the last, gaps included
  bool channels_last() const;    ///< NHWC, each image dense
  bool overlaps_itself() const;  ///< two indices share an element, or a stride isn't positive
};

struct cudnnFilterStruct {
  bool set = false;
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  cudnnTensorFormat_t format = CUDNN_TENSOR_NCHW;
  std::array<int, 4> size{};  ///< outputs, inputs, height, width

  std::size_t elements() const;
  std::array<int, 4> stride() const;
};

struct cudnnConvolutionStruct {
  bool set = false;
  int pad_h = 0, pad_w = 0, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  cudnnDataType_t compute_type = CUDNN_DATA_FLOAT;
  cudnnMathType_t math = CUDNN_DEFAULT_MATH;
};

struct cudnnPoolingStruct {
  bool set = false;
  cudnnPoolingMode_t mode = CUDNN_POOLING_MAX;
  cudnnNanPropagation_t nan = CUDNN_NOT_PROPAGATE_NAN;
  int window_h = 1, window_w = 1, pad_h = 0, pad_w = 0, stride_h = 1, stride_w = 1;
};

namespace sidestep::emulation::cudnn {

using Sizes = std::array<int, 4>;

/// Strides of a dense tensor in that format; n, c, h, w.
Sizes dense_strides(cudnnTensorFormat_t format, const Sizes& size);

/// Keeps the sentence for cudnnGetLastErrorString and returns the status.
cudnnStatus_t refuse(cudnnStatus_t status, const char* call, const std::string& why);

/// The memory of a tensor: one region if it is dense, one for each dense piece otherwise.
void add_regions(std::vector<Region>& regions, const char* argument, const void* at, const cudnnTensorStruct& tensor,
                 Region::Kind kind);

/// alpha and beta of "out = alpha result + beta out", read when the call is made.
struct Blend {
  float alpha = 1.0f;
  float beta = 0.0f;
  bool plain() const { return alpha == 1.0f && beta == 0.0f; }
  float operator()(float result, float before) const {
    // beta 0 means that the output isn't read: it may hold anything, NaN too
    return beta == 0.0f ? alpha * result : alpha * result + beta * before;
  }
};

inline Blend blend_of(const void* alpha, const void* beta) {
  return {*static_cast<const float*>(alpha), *static_cast<const float*>(beta)};
}
inline Region::Kind output_kind(const Blend& blend) {
  return blend.beta == 0.0f ? Region::Kind::write : Region::Kind::update;
}

/// submit(), and its answer as cuDNN's.
cudnnStatus_t submit(cudnnHandle_t handle, const char* call, std::vector<Region> regions, std::function<void()> work);

/// What every computing call refuses: no handle, no pointers, tensors that aren't set.
cudnnStatus_t check_call(const char* call, cudnnHandle_t handle, std::initializer_list<const void*> pointers,
                         std::initializer_list<const cudnnTensorStruct*> tensors);
/// float, and strides that a result can be written through.
cudnnStatus_t check_float(const char* call, std::initializer_list<const cudnnTensorStruct*> tensors);

}  // namespace sidestep::emulation::cudnn
