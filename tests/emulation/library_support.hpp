#pragma once

#include <cublasLt.h>
#include <cudnn.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <random>
#include <utility>
#include <vector>

/// What the tests of the emulated libraries share: device memory, handles that end by themselves, distances.

namespace sidestep::test {

/// By which a result is scaled, and what was there before.
inline constexpr float one = 1.0f, zero = 0.0f;

/// Fails the test, and says what cuDNN said.
#define CUDNN_OK(...)                                                       \
  do {                                                                      \
    char said[256] = "";                                                    \
    const cudnnStatus_t status = (__VA_ARGS__);                             \
    if (status != CUDNN_STATUS_SUCCESS) cudnnGetLastErrorString(said, 256); \
    ASSERT_EQ(status, CUDNN_STATUS_SUCCESS) << said;                        \
  } while (false)

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

inline Floats random_floats(std::mt19937& random, std::size_t count) {
  std::uniform_real_distribution<float> range(-1.0f, 1.0f);
  Floats values(count);
  for (auto& value : values) value = range(random);
  return values;
}

inline int between(std::mt19937& random, int low, int high) {
  return std::uniform_int_distribution<int>(low, high)(random);
}

/// Device memory with these values; `get` copies them back (and waits for the whole device).
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(const std::vector<T>& values) : count_(values.size()) {
    EXPECT_EQ(cudaMalloc(&data_, count_ * sizeof(T)), cudaSuccess);
    set(values);
  }
  explicit DeviceArray(std::size_t count, T value = T{}) : DeviceArray(std::vector<T>(count, value)) {}
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(const DeviceArray&) = delete;

  void set(const std::vector<T>& values) const {
    EXPECT_EQ(cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice), cudaSuccess);
  }
  std::vector<T> get() const {
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    std::vector<T> values(count_);
    EXPECT_EQ(cudaMemcpy(values.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost), cudaSuccess);
    return values;
  }
  T* data() const { return data_; }
  std::size_t size() const { return count_; }

 private:
  std::size_t count_;
  T* data_ = nullptr;
};

using DeviceFloats = DeviceArray<float>;

/// A descriptor or handle that is made at once and destroyed at the end.
template <class T, auto Create, auto Destroy>
class Made {
 public:
  Made() { EXPECT_EQ(int(Create(&value_)), 0); }
  ~Made() { Destroy(value_); }
  Made(const Made&) = delete;
  operator T() const { return value_; }

 private:
  T value_ = nullptr;
};

using Cudnn = Made<cudnnHandle_t, cudnnCreate, cudnnDestroy>;
using Tensor = Made<cudnnTensorDescriptor_t, cudnnCreateTensorDescriptor, cudnnDestroyTensorDescriptor>;
using Filter = Made<cudnnFilterDescriptor_t, cudnnCreateFilterDescriptor, cudnnDestroyFilterDescriptor>;
using Convolution =
    Made<cudnnConvolutionDescriptor_t, cudnnCreateConvolutionDescriptor, cudnnDestroyConvolutionDescriptor>;
using Pooling = Made<cudnnPoolingDescriptor_t, cudnnCreatePoolingDescriptor, cudnnDestroyPoolingDescriptor>;
using CublasLt = Made<cublasLtHandle_t, cublasLtCreate, cublasLtDestroy>;

class Stream {
 public:
  Stream() { EXPECT_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), cudaSuccess); }
  ~Stream() { cudaStreamDestroy(stream_); }
  Stream(const Stream&) = delete;
  operator cudaStream_t() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

/// Largest difference, by the largest wanted value.
inline double distance(const Floats& got, const Doubles& wanted) {
  EXPECT_EQ(got.size(), wanted.size());
  double difference = 0, scale = 1e-30;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const double d = std::abs(double(got[i]) - wanted[i]);
    if (!(d <= difference)) difference = std::isnan(d) ? INFINITY : d;
    scale = std::max(scale, std::abs(wanted[i]));
  }
  return difference / scale;
}

/// Where element (n, c, h, w) of a dense tensor stands.
struct Place {
  cudnnTensorFormat_t format;
  int channels, height, width;
  std::size_t operator()(int n, int c, int h, int w) const {
    const auto at = format == CUDNN_TENSOR_NHWC ? ((n * height + h) * width + w) * channels + c
                                                : ((n * channels + c) * height + h) * width + w;
    return static_cast<std::size_t>(at);
  }
};

}  // namespace sidestep::test
