#include <sidestep/kernels/cuda/memory.hpp>

#include <cstdint>
#include <cstring>
#include <limits>

#include <sidestep/kernels/cuda/error.hpp>

namespace sidestep::kernels::cuda {

Pool::Pool(int device) {
  cudaMemPoolProps properties{};
  properties.allocType = cudaMemAllocationTypePinned;  // CUDA's name for memory that stays where it is
  properties.location.type = cudaMemLocationTypeDevice;
  properties.location.id = device;
  SIDESTEP_CHECK(cudaMemPoolCreate(&pool_, &properties));
  // Otherwise each synchronisation would hand free memory back, and the next allocation would wait for the driver.
  std::uint64_t keep = std::numeric_limits<std::uint64_t>::max();
  SIDESTEP_CHECK(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &keep));
}

Pool::~Pool() { static_cast<void>(cudaMemPoolDestroy(pool_)); }

void* Pool::allocate(std::size_t bytes, cudaStream_t stream) {
  void* memory = nullptr;
  cudaError_t error = cudaMallocFromPoolAsync(&memory, bytes, pool_, stream);
  if (error == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());  // nothing later shall stumble over the refusal
    cudaStreamCaptureStatus status{};
    SIDESTEP_CHECK(cudaStreamIsCapturing(stream, &status));
    if (status == cudaStreamCaptureStatusNone) {
      // what was freed but is still in use on the stream, and pieces too small for this one
      SIDESTEP_CHECK(cudaStreamSynchronize(stream));
      SIDESTEP_CHECK(cudaMemPoolTrimTo(pool_, 0));
      error = cudaMallocFromPoolAsync(&memory, bytes, pool_, stream);
    }
  }
  if (error == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());
    throw DeviceMemoryError(bytes, used(), available());
  }
  check_status(error, "cudaMallocFromPoolAsync", __FILE__, __LINE__);
  return memory;
}

std::size_t Pool::trim() {
  const std::size_t before = reserved();
  SIDESTEP_CHECK(cudaMemPoolTrimTo(pool_, 0));
  return before - reserved();
}

std::size_t Pool::available() const {
  std::size_t free = 0, total = 0;
  SIDESTEP_CHECK(cudaMemGetInfo(&free, &total));
  return free + reserved() - used();
}

std::size_t Pool::attribute(cudaMemPoolAttr which) const {
  std::uint64_t value = 0;
  SIDESTEP_CHECK(cudaMemPoolGetAttribute(pool_, which, &value));
  return value;
}

void* allocate_pinned(std::size_t bytes) {
  void* memory = nullptr;
  SIDESTEP_CHECK(cudaHostAlloc(&memory, bytes, cudaHostAllocMapped | cudaHostAllocPortable));
  std::memset(memory, 0, bytes);
  return memory;
}

void* mapped_address(void* host) {
  void* device = nullptr;
  SIDESTEP_CHECK(cudaHostGetDevicePointer(&device, host, 0));
  return device;
}

}  // namespace sidestep::kernels::cuda
