#pragma once

/// What the tests' device code needs: shared arrays by name, and a launch in one line.

#include <cuda_runtime.h>
#include <sidestep_emulation.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#define SHARED(type, name, count)                                          \
  type* const name = ::sidestep::emulation::shared_array<type>(count, [] { \
    static char tag;                                                       \
    return &tag;                                                           \
  }())
#define DYNAMIC_SHARED(type, name) type* const name = ::sidestep::emulation::dynamic_shared<type>()

namespace sidestep::test {

struct Shape {
  dim3 grid = 1;
  dim3 block = 32;
  std::size_t shared = 0;
  cudaStream_t stream = nullptr;
};

template <class... Parameters, class... Arguments>
cudaError_t launch(void (*kernel)(Parameters...), const Shape& shape, Arguments&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = shape.grid;
  config.blockDim = shape.block;
  config.dynamicSmemBytes = shape.shared;
  config.stream = shape.stream;
  return cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...);
}

/// An array in device memory.
template <class T>
class OnDevice {
 public:
  explicit OnDevice(std::size_t count) : count_(count) { cudaMalloc(&data_, count * sizeof(T)); }
  OnDevice(std::size_t count, T value) : OnDevice(std::vector<T>(count, value)) {}
  explicit OnDevice(const std::vector<T>& values) : OnDevice(values.size()) {
    cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice);
  }
  ~OnDevice() { cudaFree(data_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

  /// Waits for the device.
  std::vector<T> get() const {
    std::vector<T> values(count_);
    cudaDeviceSynchronize();
    cudaMemcpy(values.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost);
    return values;
  }
  T* data() const { return data_; }
  std::size_t size() const { return count_; }

 private:
  T* data_ = nullptr;
  std::size_t count_;
};

class Stream {
 public:
  explicit Stream(unsigned flags = cudaStreamNonBlocking) { cudaStreamCreateWithFlags(&stream_, flags); }
  ~Stream() { cudaStreamDestroy(stream_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  operator cudaStream_t() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

class Event {
 public:
  explicit Event(unsigned flags = cudaEventDisableTiming) { cudaEventCreateWithFlags(&event_, flags); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  operator cudaEvent_t() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

/// list[0] numbers follow; one more.
inline __global__ void append(int* list, int value) {
  const int at = list[0]++;
  list[1 + at] = value;
}

}  // namespace sidestep::test
