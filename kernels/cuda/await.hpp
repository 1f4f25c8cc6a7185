#pragma once

#include <cuda_runtime_api.h>

#include <chrono>
#include <thread>

namespace sidestep::kernels::cuda {

/// Waits until `arrived()`: what it looks at is in mapped memory, so no call of CUDA's stands in the way. First on the
/// spot (a step is some hundred microseconds), then with naps. Every quarter of a second it asks whether the stream is
/// still well, since a kernel that failed publishes nothing. Returns cudaSuccess, or what the stream failed with.
template <class Arrived>
cudaError_t await(Arrived arrived, cudaStream_t stream) {
  using Clock = std::chrono::steady_clock;
  using namespace std::chrono_literals;
  for (int i = 0; i < 256; ++i)
    if (arrived()) return cudaSuccess;
  const auto begin = Clock::now();
  auto look = begin + 250ms;
  for (;;) {
    if (arrived()) return cudaSuccess;
    const auto now = Clock::now();
    if (now - begin < 200us)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(50us);
    if (now < look) continue;
    look = now + 250ms;
    const cudaError_t state = cudaStreamQuery(stream);
    if (state == cudaErrorNotReady) continue;
    if (arrived()) return cudaSuccess;
    return state == cudaSuccess ? cudaErrorUnknown : state;  // all is done, and nothing was published
  }
}

}  // namespace sidestep::kernels::cuda
