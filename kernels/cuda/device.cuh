#pragma once

// What a kernel file needs beside CUDA's own words, so that it compiles unchanged with nvcc for a device and with a
// host compiler against the emulation's stand-ins.

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include <sidestep/kernels/cuda/planted.hpp>

#ifdef SIDESTEP_CUDA_EMULATION
#include <sidestep_emulation.h>

/// An array in shared memory, one for each block: `type name[count]`.
#define SHARED(type, name, count)                                            \
  type* const name = ::sidestep::emulation::shared_array<type>((count), [] { \
    static const char tag = 0;                                               \
    return &tag;                                                             \
  }())
/// The launch's dynamic shared memory.
#define DYNAMIC_SHARED(type, name) type* const name = ::sidestep::emulation::dynamic_shared<type>()
#else
#define SHARED(type, name, count) __shared__ type name[count]
#define DYNAMIC_SHARED(type, name)                            \
  extern __shared__ __align__(16) unsigned char name##_raw[]; \
  type* const name = reinterpret_cast<type*>(name##_raw)
#endif

namespace sidestep::kernels::cuda {

inline constexpr unsigned warp = 32;
inline constexpr unsigned whole_warp = 0xFFFFFFFFu;

template <class T>
__host__ __device__ constexpr T ceil_div(T a, T b) {
  return (a + b - 1) / b;
}

/// The device's global timer, in nanoseconds: the same clock on every multiprocessor.
__device__ inline std::uint64_t device_clock() {
#ifdef SIDESTEP_CUDA_EMULATION
  return static_cast<std::uint64_t>(::sidestep::emulation::clock());
#else
  std::uint64_t now;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
  return now;
#endif
}

[[noreturn]] void throw_launch_failed(cudaError_t error, const char* file, int line);

/// A stream, and the line that launches on it.
struct On {
  On(cudaStream_t on, const char* in = __builtin_FILE(), int at = __builtin_LINE()) : stream(on), file(in), line(at) {}
  cudaStream_t stream;
  const char* file;
  int line;
};

/// Launches a kernel. Throws CudaError, naming the launcher's file and line.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes, On on,
            Arguments... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = on.stream;
  const cudaError_t error = cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
  if (error != cudaSuccess) [[unlikely]]
    throw_launch_failed(error, on.file, on.line);
}

}  // namespace sidestep::kernels::cuda
