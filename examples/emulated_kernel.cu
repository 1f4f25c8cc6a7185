/// A kernel of your own, on a machine without a GPU: the same file for nvcc and for the host's compiler.
///
///   nvcc -std=c++20 emulated_kernel.cu                             on a GPU
///   g++ -std=c++20 -x c++ -g -fsanitize=address,undefined ...      on a laptop: docs/emulation.md has the whole line
///
/// `emulated_kernel race` leaves out a barrier: clang's ThreadSanitizer names the two lines. `emulated_kernel past`
/// asks for more elements than there are: AddressSanitizer, or the emulation itself, says so.

#include <cuda_runtime.h>

#include <cstdio>
#include <cstring>
#include <vector>

#ifdef SIDESTEP_CUDA_EMULATION
#include <sidestep_emulation.h>
// An array of the block between red zones. Plain `__shared__` works, too, but then nobody sees an index past its end.
#define SHARED(type, name, count)                                          \
  type* const name = ::sidestep::emulation::shared_array<type>(count, [] { \
    static char tag;                                                       \
    return &tag;                                                           \
  }())
#else
#define SHARED(type, name, count) __shared__ type name[count]
#endif

constexpr int block = 64;

/// sums[b] = the sum of the b-th `block` elements of x, by halving.
__global__ void block_sums(const float* x, float* sums, int n, bool race) {
  SHARED(float, part, block);
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  part[threadIdx.x] = i < n ? x[i] : 0.0f;
  if (!race) __syncthreads();
  for (int half = block / 2; half > 0; half /= 2) {
    if (static_cast<int>(threadIdx.x) < half) part[threadIdx.x] += part[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x == 0) sums[blockIdx.x] = part[0];
}

int main(int count, char** arguments) {
  const bool race = count > 1 && std::strcmp(arguments[1], "race") == 0;
  const bool past = count > 1 && std::strcmp(arguments[1], "past") == 0;
  const int n = 1000, blocks = (n + block - 1) / block;
  const std::vector<float> host(n, 0.5f);
  float *x = nullptr, *sums = nullptr;
  cudaMalloc(&x, n * sizeof(float));
  cudaMalloc(&sums, blocks * sizeof(float));
  cudaMemcpy(x, host.data(), n * sizeof(float), cudaMemcpyHostToDevice);

  cudaLaunchConfig_t config{};
  config.gridDim = blocks;
  config.blockDim = block;
  cudaLaunchKernelEx(&config, block_sums, x, sums, past ? n + 1 : n, race);

  std::vector<float> parts(blocks);
  cudaMemcpy(parts.data(), sums, blocks * sizeof(float), cudaMemcpyDeviceToHost);
  float sum = 0.0f;
  for (const float part : parts) sum += part;
  cudaFree(x);
  cudaFree(sums);
  std::printf("sum %g, %s\n", static_cast<double>(sum), cudaGetErrorString(cudaGetLastError()));
}
