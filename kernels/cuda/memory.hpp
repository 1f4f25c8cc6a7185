#pragma once

#include <cstddef>
#include <utility>

#include <sidestep/kernels/cuda/handle.hpp>

namespace sidestep::kernels::cuda {

/// The session's one pool of device memory. Allocations are ordered by the stream that they are made on; what is freed
/// stays in the pool until trim.
class Pool {
 public:
  explicit Pool(int device);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();

  /// Throws DeviceMemoryError if there isn't that much, even when what is free has been given back first.
  void* allocate(std::size_t bytes, cudaStream_t stream);
  /// Gives what is free back to the device; returns bytes. What streams still use stays.
  std::size_t trim();
  std::size_t used() const { return attribute(cudaMemPoolAttrUsedMemCurrent); }
  std::size_t reserved() const { return attribute(cudaMemPoolAttrReservedMemCurrent); }
  /// What could still be allocated: free on the device, and free in the pool.
  std::size_t available() const;

 private:
  std::size_t attribute(cudaMemPoolAttr which) const;
  cudaMemPool_t pool_{};
};

/// `count` values in device memory. Freed in its stream's order: whatever was enqueued there before may still use it.
template <class T>
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(Pool& pool, std::size_t count, cudaStream_t stream)
      : data_(static_cast<T*>(pool.allocate(count * sizeof(T), stream))), count_(count), stream_(stream) {}
  DeviceBuffer(DeviceBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        count_(std::exchange(other.count_, 0)),
        stream_(std::exchange(other.stream_, {})) {}
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    std::swap(stream_, other.stream_);
    return *this;
  }
  ~DeviceBuffer() {
    if (data_) static_cast<void>(cudaFreeAsync(data_, stream_));
  }

  T* data() const { return data_; }
  std::size_t size() const { return count_; }
  std::size_t bytes() const { return count_ * sizeof(T); }

 private:
  T* data_ = nullptr;
  std::size_t count_ = 0;
  cudaStream_t stream_{};
};

/// `bytes` of pinned host memory, mapped into the device's addresses, visible to every context.
void* allocate_pinned(std::size_t bytes);
void* mapped_address(void* host);

/// Host memory that the device reads and writes in place, or copies without a detour.
template <class T>
class PinnedBuffer {
 public:
  PinnedBuffer() = default;
  explicit PinnedBuffer(std::size_t count)
      : host_(static_cast<T*>(allocate_pinned(count * sizeof(T)))),
        device_(static_cast<T*>(mapped_address(host_))),
        count_(count) {}
  PinnedBuffer(PinnedBuffer&& other) noexcept
      : host_(std::exchange(other.host_, nullptr)),
        device_(std::exchange(other.device_, nullptr)),
        count_(std::exchange(other.count_, 0)) {}
  PinnedBuffer& operator=(PinnedBuffer&& other) noexcept {
    std::swap(host_, other.host_);
    std::swap(device_, other.device_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~PinnedBuffer() {
    if (host_) static_cast<void>(cudaFreeHost(host_));
  }

  T* data() const { return host_; }
  T* on_device() const { return device_; }
  std::size_t size() const { return count_; }
  T& operator[](std::size_t i) const { return host_[i]; }

 private:
  T* host_ = nullptr;
  T* device_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace sidestep::kernels::cuda
