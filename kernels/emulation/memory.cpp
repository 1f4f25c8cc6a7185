/// Allocation: device memory, at once or in stream order, and pinned host memory.

#include <sidestep/kernels/emulation/memory.hpp>

#include <cstdlib>
#include <cstring>
#include <map>

#include <sidestep/kernels/emulation/calls.hpp>
#include <sidestep/kernels/emulation/capture.hpp>
#include <sidestep/kernels/emulation/heap.hpp>
#include <sidestep/kernels/emulation/pool.hpp>
#include <sidestep/kernels/emulation/protection.hpp>
#include <sidestep/kernels/emulation/report.hpp>
#include <sidestep/kernels/emulation/stream.hpp>

namespace sidestep::emulation::detail {
namespace {

char reuse_cell = 0;  // address only: memory that is used again was freed before

cudaError_t free_memory(std::uintptr_t address) {
  std::string overrun;
  heap().free(address, &overrun);
  if (overrun.empty()) return cudaSuccess;
  report(overrun);
  return cudaErrorIllegalAddress;
}

/// In stream order: the memory is gone. ThreadSanitizer takes it for a write, so that a use on another stream, which
/// nothing orders before it, is a race.
class Free final : public Operation {
 public:
  explicit Free(std::uintptr_t address, std::size_t bytes) : address_(address), bytes_(bytes) {}
  cudaError_t run(Stream&) override {
    if (under_thread_sanitizer()) {
      constexpr std::size_t enough = std::size_t{16} << 20;
      const Loud loud;
      __tsan_write_range(reinterpret_cast<void*>(address_), bytes_ < enough ? bytes_ : enough);
    }
    tsan_release(&reuse_cell);
    return free_memory(address_);
  }
  std::string name() const override { return "cudaFreeAsync"; }

 private:
  std::uintptr_t address_;
  std::size_t bytes_;
};

/// What freed the memory before comes before what the stream does with it now.
class Reuse final : public Operation {
 public:
  cudaError_t run(Stream&) override {
    tsan_acquire(&reuse_cell);
    return cudaSuccess;
  }
  std::string name() const override { return "cudaMallocAsync"; }
};

cudaError_t allocate_async(void** pointer, std::size_t bytes, cudaMemPool_t pool, cudaStream_t handle) {
  Stream* stream = stream_of(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  if (!pointer || !is_pool(pool)) return cudaErrorInvalidValue;
  if (stream->capture) {
    stream->capture->invalidate();
    return cudaErrorStreamCaptureUnsupported;  // graphs with allocations of their own are not emulated
  }
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  install_fault_handler();
  bool reused = false;
  if (const cudaError_t error = take_memory(pointer, bytes, pool, &reused)) return error;
  if (reused && under_thread_sanitizer()) return submit(handle, Ref<Operation>(new Reuse));
  return cudaSuccess;
}

cudaError_t refuse_unsafe_in_capture() {
  if (!Capture::forbids_unsafe_calls()) return cudaSuccess;
  Capture::invalidate_all();
  return cudaErrorStreamCaptureUnsupported;
}

struct Pinned {
  RawMutex mutex;
  std::map<std::uintptr_t, Span> spans;
};

Pinned& pinned() {
  static auto* instance = new Pinned;  // outlives every thread
  return *instance;
}

}  // namespace

Span pinned_at(std::uintptr_t address) {
  const RawLock lock(pinned().mutex);
  const auto after = pinned().spans.upper_bound(address);
  if (after == pinned().spans.begin()) return {};
  const Span& span = std::prev(after)->second;
  return address - span.address < span.bytes ? span : Span{};
}

bool classify(const void* pointer, std::size_t bytes, const char* call, Span* span) {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  if (heap().in_range(address)) {
    const Allocation found = heap().holding(address, bytes);
    *span = {Where::device, found.address, found.bytes};
    if (found.id != 0) return true;
    report(std::string(call) + " of " + std::to_string(bytes) + " bytes at " + hexadecimal(address) + ", " +
           heap().describe(address) + ", leaves the allocation.");
    return false;
  }
  *span = pinned_at(address);
  if (span->bytes == 0 || bytes <= span->address + span->bytes - address) return true;
  report(std::string(call) + " of " + std::to_string(bytes) + " bytes at " + hexadecimal(address) +
         " leaves a pinned allocation of " + std::to_string(span->bytes) + " bytes.");
  return false;
}

}  // namespace sidestep::emulation::detail

using namespace sidestep::emulation::detail;

extern "C" {

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  return api(Call::cudaMalloc, [&]() -> cudaError_t {
    if (!pointer) return cudaErrorInvalidValue;
    if (const cudaError_t error = refuse_unsafe_in_capture()) return error;
    *pointer = nullptr;
    if (bytes == 0) return cudaSuccess;
    install_fault_handler();
    bool reused = false;
    const cudaError_t error = take_memory(pointer, bytes, nullptr, &reused);
    if (reused) tsan_acquire(&reuse_cell);
    return error;
  });
}

cudaError_t cudaFree(void* pointer) {
  return api(Call::cudaFree, [&]() -> cudaError_t {
    if (!pointer) return cudaSuccess;
    if (const cudaError_t error = refuse_unsafe_in_capture()) return error;
    const Allocation found = heap().at(reinterpret_cast<std::uintptr_t>(pointer));
    if (found.id == 0) return cudaErrorInvalidValue;
    synchronize_device();  // as CUDA does
    tsan_release(&reuse_cell);
    account_for_free(found.bytes, found.pool);
    if (const cudaError_t error = free_memory(found.address)) set_sticky_error(error);
    return sticky_error();
  });
}

cudaError_t cudaMallocAsync(void** pointer, size_t bytes, cudaStream_t stream) {
  return api(Call::cudaMallocAsync, [&] { return allocate_async(pointer, bytes, default_pool(), stream); });
}

cudaError_t cudaMallocFromPoolAsync(void** pointer, size_t bytes, cudaMemPool_t pool, cudaStream_t stream) {
  return api(Call::cudaMallocFromPoolAsync, [&] { return allocate_async(pointer, bytes, pool, stream); });
}

cudaError_t cudaFreeAsync(void* pointer, cudaStream_t handle) {
  return api(Call::cudaFreeAsync, [&]() -> cudaError_t {
    Stream* stream = stream_of(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (!pointer) return cudaSuccess;
    if (stream->capture) {
      stream->capture->invalidate();
      return cudaErrorStreamCaptureUnsupported;
    }
    const Allocation found = heap().at(reinterpret_cast<std::uintptr_t>(pointer));
    if (found.id == 0) {
      report("cudaFreeAsync of " + hexadecimal(reinterpret_cast<std::uintptr_t>(pointer)) + ", " +
             heap().describe(reinterpret_cast<std::uintptr_t>(pointer)) + ": no allocation begins there.");
      return cudaErrorInvalidValue;
    }
    account_for_free(found.bytes, found.pool);
    return submit(handle, Ref<Operation>(new Free(found.address, found.bytes)));
  });
}

cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned int flags) {
  return api(Call::cudaHostAlloc, [&]() -> cudaError_t {
    constexpr unsigned known = cudaHostAllocPortable | cudaHostAllocMapped | cudaHostAllocWriteCombined;
    if (!pointer || (flags & ~known)) return cudaErrorInvalidValue;
    if (const cudaError_t error = refuse_unsafe_in_capture()) return error;
    *pointer = nullptr;
    if (bytes == 0) return cudaSuccess;
    if (posix_memalign(pointer, 4096, bytes) != 0) return cudaErrorMemoryAllocation;
    std::memset(*pointer, 0xFF, bytes);  // as device memory: what is read before it is written shows
    const auto begin = reinterpret_cast<std::uintptr_t>(*pointer);
    const RawLock lock(pinned().mutex);
    pinned().spans[begin] = {Where::pinned, begin, bytes};
    return cudaSuccess;
  });
}

cudaError_t cudaFreeHost(void* pointer) {
  const Quiet quiet;
  count(Call::cudaFreeHost);
  if (!pointer) return sticky_error();
  synchronize_device();  // as CUDA does
  {
    const RawLock lock(pinned().mutex);
    if (pinned().spans.erase(reinterpret_cast<std::uintptr_t>(pointer)) == 0) return remember(cudaErrorInvalidValue);
  }
  std::free(pointer);
  return sticky_error();
}

cudaError_t cudaHostGetDevicePointer(void** device, void* host, unsigned int flags) {
  return api(Call::cudaHostGetDevicePointer, [&]() -> cudaError_t {
    if (!device || flags != 0) return cudaErrorInvalidValue;
    if (pinned_at(reinterpret_cast<std::uintptr_t>(host)).bytes == 0) return cudaErrorInvalidValue;
    *device = host;  // one address for both, as unified addressing has it
    return cudaSuccess;
  });
}

cudaError_t cudaPointerGetAttributes(struct cudaPointerAttributes* attributes, const void* pointer) {
  return api(Call::cudaPointerGetAttributes, [&]() -> cudaError_t {
    if (!attributes) return cudaErrorInvalidValue;
    auto* address = const_cast<void*>(pointer);
    *attributes = {cudaMemoryTypeUnregistered, -2, nullptr, address};
    if (heap().holding(reinterpret_cast<std::uintptr_t>(pointer), 1).id != 0) {
      *attributes = {cudaMemoryTypeDevice, 0, address, nullptr};
    } else if (pinned_at(reinterpret_cast<std::uintptr_t>(pointer)).bytes != 0) {
      *attributes = {cudaMemoryTypeHost, 0, address, address};
    }
    return cudaSuccess;
  });
}

}  // extern "C"
