#include <gtest/gtest.h>

#include <numeric>

#include "emulation/device.hpp"
#include "emulation/sanitizers.hpp"

using namespace sidestep::test;
namespace emulation = sidestep::emulation;

namespace {

__global__ void indices(uint3* thread, uint3* block, int* number) {
  const unsigned in_block = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const unsigned of_block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned i = of_block * blockDim.x * blockDim.y * blockDim.z + in_block;
  thread[i] = threadIdx;
  block[i] = blockIdx;
  atomicAdd(&number[i], 1);
}

TEST(Grid, EveryThreadOfEveryBlockRunsOnceWithItsIndices) {
  const dim3 grid(3, 2, 2), block(5, 3, 2);
  const std::size_t threads = 12 * 30;
  const OnDevice<uint3> thread(threads), of(threads);
  const OnDevice<int> number(threads, 0);
  ASSERT_EQ(launch(indices, {.grid = grid, .block = block}, thread.data(), of.data(), number.data()), cudaSuccess);
  const auto t = thread.get(), b = of.get();
  for (unsigned i = 0; i < threads; ++i) {
    const unsigned in = i % 30, at = i / 30;
    EXPECT_EQ(t[i].x, in % 5);
    EXPECT_EQ(t[i].y, in / 5 % 3);
    EXPECT_EQ(t[i].z, in / 15);
    EXPECT_EQ(b[i].x, at % 3);
    EXPECT_EQ(b[i].y, at / 3 % 2);
    EXPECT_EQ(b[i].z, at / 6);
  }
  EXPECT_EQ(number.get(), std::vector<int>(threads, 1));
}

__global__ void rotate(int* x, int rounds) {
  SHARED(int, tile, 1024);
  const unsigned i = threadIdx.x, n = blockDim.x;
  int value = x[blockIdx.x * n + i];
  for (int round = 0; round < rounds; ++round) {
    tile[i] = value;
    __syncthreads();
    value = tile[(i + 1) % n];
    __syncthreads();
  }
  x[blockIdx.x * n + i] = value;
}

TEST(Barrier, AllThreadsSeeWhatAllWroteBeforeIt) {
  for (const unsigned threads : {1u, 31u, 32u, 33u, 96u, 257u, 1024u}) {
    std::vector<int> x(threads * 3);
    std::iota(x.begin(), x.end(), 0);
    const OnDevice<int> device(x);
    ASSERT_EQ(launch(rotate, {.grid = 3, .block = threads}, device.data(), 5), cudaSuccess);
    const auto got = device.get();
    for (unsigned b = 0; b < 3; ++b) {
      for (unsigned i = 0; i < threads; ++i)
        EXPECT_EQ(got[b * threads + i], static_cast<int>(b * threads + (i + 5) % threads));
    }
  }
}

__global__ void votes(int* out) {
  const int i = static_cast<int>(threadIdx.x);
  const int third = __syncthreads_count(i % 3 == 0);
  const int none = __syncthreads_or(i < 0);
  const int some = __syncthreads_or(i == 77);
  const int all = __syncthreads_and(i >= 0);
  const int not_all = __syncthreads_and(i != 77);
  out[i] = third * 16 + none * 8 + some * 4 + all * 2 + not_all;
}

TEST(Barrier, CountsPredicates) {
  const OnDevice<int> out(100);
  ASSERT_EQ(launch(votes, {.block = 100}, out.data()), cudaSuccess);
  EXPECT_EQ(out.get(), std::vector<int>(100, 34 * 16 + 4 + 2));
}

__global__ void begin_order(int* order, int* next) { order[threadIdx.x] = atomicAdd(next, 1); }

TEST(Order, TheSeedShufflesThreadsAndNothingElse) {
  const auto order = [](std::uint64_t seed) {
    emulation::set_seed(seed);
    const OnDevice<int> order(64), next(1, 0);
    const Stream stream;  // a new one: it counts its launches
    launch(begin_order, {.block = 64, .stream = stream}, order.data(), next.data());
    return order.get();
  };
  const auto first = order(7);
  EXPECT_EQ(first, order(7));
  EXPECT_NE(first, order(8));
  std::vector<int> straight(64);
  std::iota(straight.begin(), straight.end(), 0);
  EXPECT_NE(first, straight);
  emulation::set_seed(1);
}

__global__ void unwritten(float* out) {
  SHARED(float, tile, 8);
  DYNAMIC_SHARED(float, more);
  out[threadIdx.x] = tile[threadIdx.x];
  out[8 + threadIdx.x] = more[threadIdx.x];
  tile[threadIdx.x] = more[threadIdx.x] = 1.0f;  // another block must not see it
}

TEST(SharedMemory, IsNotANumberUntilItIsWrittenInEveryBlock) {
  const OnDevice<float> out(16, 0.0f);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(launch(unwritten, {.block = 8, .shared = 32}, out.data()), cudaSuccess);
    for (const float value : out.get()) EXPECT_TRUE(std::isnan(value));
  }
}

template <class T>
__device__ T* typed_tile() {
  SHARED(T, tile, 4);
  return tile;
}
__global__ void two_types(int* out) {
  char* a = typed_tile<char>();
  double* b = typed_tile<double>();
  SHARED(float4, c, 2);
  out[0] = static_cast<void*>(a) != static_cast<void*>(b);
  out[1] = a == typed_tile<char>();
  out[2] = reinterpret_cast<std::uintptr_t>(b) % alignof(double) == 0;
  out[3] = reinterpret_cast<std::uintptr_t>(c) % alignof(float4) == 0;
}

TEST(SharedMemory, OneArrayForEachDeclarationAlignedForItsType) {
  const OnDevice<int> out(4, 0);
  ASSERT_EQ(launch(two_types, {.block = 1}, out.data()), cudaSuccess);
  EXPECT_EQ(out.get(), std::vector<int>(4, 1));
}

__global__ void plain_shared(int* out) {
  __shared__ int tile[64];
  tile[threadIdx.x] = static_cast<int>(blockIdx.x * 64 + threadIdx.x);
  __syncthreads();
  out[blockIdx.x * 64 + threadIdx.x] = tile[63 - threadIdx.x];
}

TEST(SharedMemory, PlainSharedArraysWorkToo) {
  if (thread_sanitizer)
    GTEST_SKIP()
        << "one block's array is the next one's memory: ThreadSanitizer takes that for a race (docs/emulation.md)";
  const OnDevice<int> out(64 * 16);
  ASSERT_EQ(launch(plain_shared, {.grid = 16, .block = 64}, out.data()), cudaSuccess);
  const auto got = out.get();
  for (int i = 0; i < 64 * 16; ++i) EXPECT_EQ(got[i], i / 64 * 64 + 63 - i % 64);
}

__global__ void wait_for_neighbour(int* flags) {
  SHARED(int, flag, 1);
  if (threadIdx.x == 0) *flag = 0;
  __syncthreads();
  if (threadIdx.x == 0) {
    while (__atomic_load_n(flag, __ATOMIC_ACQUIRE) == 0) __nanosleep(100);
  } else if (threadIdx.x == 1) {
    __atomic_store_n(flag, 1, __ATOMIC_RELEASE);
  }
  flags[threadIdx.x] = 1;
}

TEST(Order, AThreadThatSleepsLetsTheOthersRun) {
  for (std::uint64_t seed = 1; seed < 6; ++seed) {
    emulation::set_seed(seed);
    const OnDevice<int> flags(40, 0);
    ASSERT_EQ(launch(wait_for_neighbour, {.block = 40}, flags.data()), cudaSuccess);
    EXPECT_EQ(flags.get(), std::vector<int>(40, 1));
  }
  emulation::set_seed(1);
}

__global__ void throws() { throw 1; }

TEST(Errors, AKernelThatThrowsFails) {
  launch(throws, {.block = 3});
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure);
  EXPECT_NE(emulation::last_report().find("throws() threw a C++ exception"), std::string::npos)
      << emulation::last_report();
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure) << "it is sticky";
  float* x = nullptr;
  EXPECT_EQ(cudaMalloc(&x, 4), cudaErrorLaunchFailure);
  emulation::forget_errors();
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

}  // namespace
