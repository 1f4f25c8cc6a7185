#pragma once

/// What every function of the runtime does: it is counted, answers with a sticky error if there is one, and remembers
/// what it answered.

#include <new>
#include <utility>

#include <sidestep/kernels/emulation/sanitizer.hpp>

#include "include/cuda_runtime_api.h"

namespace sidestep::emulation::detail {

// clang-format off
#define SIDESTEP_CALLS(X) \
  X(cudaGetDeviceCount) X(cudaSetDevice) X(cudaGetDevice) X(cudaGetDeviceProperties) X(cudaDeviceGetAttribute) \
  X(cudaDriverGetVersion) X(cudaRuntimeGetVersion) X(cudaDeviceSynchronize) X(cudaGetLastError) \
  X(cudaPeekAtLastError) X(cudaStreamCreate) X(cudaStreamCreateWithFlags) X(cudaStreamDestroy) \
  X(cudaStreamSynchronize) X(cudaStreamQuery) X(cudaStreamWaitEvent) X(cudaEventCreate) X(cudaEventCreateWithFlags) \
  X(cudaEventRecord) X(cudaEventQuery) X(cudaEventSynchronize) X(cudaEventElapsedTime) X(cudaEventDestroy) \
  X(cudaStreamBeginCapture) X(cudaStreamEndCapture) X(cudaStreamIsCapturing) X(cudaGraphInstantiate) \
  X(cudaGraphUpload) X(cudaGraphLaunch) X(cudaGraphGetNodes) X(cudaGraphExecDestroy) X(cudaGraphDestroy) \
  X(cudaMalloc) X(cudaFree) X(cudaMallocAsync) X(cudaMallocFromPoolAsync) X(cudaFreeAsync) X(cudaHostAlloc) \
  X(cudaFreeHost) X(cudaHostGetDevicePointer) X(cudaPointerGetAttributes) X(cudaMemGetInfo) X(cudaMemcpy) \
  X(cudaMemcpyAsync) X(cudaMemset) X(cudaMemsetAsync) X(cudaDeviceGetDefaultMemPool) X(cudaMemPoolCreate) \
  X(cudaMemPoolDestroy) X(cudaMemPoolSetAttribute) X(cudaMemPoolGetAttribute) X(cudaMemPoolTrimTo) \
  X(cudaFuncSetAttribute) X(cudaLaunchKernelEx) X(enqueue)
// clang-format on

enum class Call {
#define SIDESTEP_CALL(name) name,
  SIDESTEP_CALLS(SIDESTEP_CALL)
#undef SIDESTEP_CALL
      count
};

void count(Call call);

/// The error that every later call returns, once a kernel failed.
cudaError_t sticky_error();
void set_sticky_error(cudaError_t error);

/// No driver, one that is too old, no device.
cudaError_t machine_error();

/// Keeps the calling thread's last error, for cudaGetLastError.
cudaError_t remember(cudaError_t error);

/// While it lives, this thread is within the runtime: see inside_a_call().
struct Inside {
  Inside();
  ~Inside();
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
};

/// A function of the runtime that needs a device.
template <class Body>
cudaError_t api(Call call, Body body) {
  const Quiet quiet;
  const Inside inside;
  count(call);
  if (const cudaError_t error = machine_error()) return remember(error);
  if (const cudaError_t error = sticky_error()) return remember(error);
  try {
    return remember(body());
  } catch (const std::bad_alloc&) {
    return remember(cudaErrorMemoryAllocation);
  }
}

}  // namespace sidestep::emulation::detail
