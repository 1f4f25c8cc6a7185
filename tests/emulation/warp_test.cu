#include <gtest/gtest.h>

#include "emulation/device.hpp"

using namespace sidestep::test;
namespace emulation = sidestep::emulation;

namespace {

constexpr unsigned all = 0xffffffffu;

__global__ void shuffles(int* out) {
  const int i = static_cast<int>(threadIdx.x);
  out[i] = __shfl_sync(all, i, 5);
  out[64 + i] = __shfl_up_sync(all, i, 3);
  out[128 + i] = __shfl_down_sync(all, i, 3);
  out[192 + i] = __shfl_xor_sync(all, i, 9);
  out[256 + i] = __shfl_sync(all, i, 3, 8);
  out[320 + i] = __shfl_up_sync(all, i, 1, 4);
  out[384 + i] = __shfl_down_sync(all, i, 1, 4);
  out[448 + i] = __shfl_xor_sync(all, i, 12, 8);
}

TEST(Warp, ShufflesAsTheProgrammingGuideSays) {
  const OnDevice<int> out(512);
  ASSERT_EQ(launch(shuffles, {.block = 64}, out.data()), cudaSuccess);
  const auto got = out.get();
  for (int i = 0; i < 64; ++i) {
    const int warp = i / 32 * 32, lane = i % 32;
    EXPECT_EQ(got[i], warp + 5);
    EXPECT_EQ(got[64 + i], lane < 3 ? i : i - 3);
    EXPECT_EQ(got[128 + i], lane > 28 ? i : i + 3);
    EXPECT_EQ(got[192 + i], i ^ 9);
    EXPECT_EQ(got[256 + i], i / 8 * 8 + 3);
    EXPECT_EQ(got[320 + i], i % 4 < 1 ? i : i - 1);
    EXPECT_EQ(got[384 + i], i % 4 > 2 ? i : i + 1);
    // A lane may read from an earlier part of width lanes, not from a later one (as `shfl.sync.bfly` has it).
    EXPECT_EQ(got[448 + i], (lane ^ 12) >= lane / 8 * 8 + 8 ? i : i ^ 12);
  }
}

__global__ void wide(double* d, float* f, unsigned long long* u) {
  const int lane = static_cast<int>(threadIdx.x);
  d[lane] = __shfl_xor_sync(all, 1.0 / (lane + 1), 31);
  f[lane] = __shfl_xor_sync(all, 1.0f / static_cast<float>(lane + 1), 31);
  u[lane] = __shfl_xor_sync(all, ~0ull - static_cast<unsigned long long>(lane), 31);
}

TEST(Warp, ShufflesCarryEveryTypeWhole) {
  const OnDevice<double> d(32);
  const OnDevice<float> f(32);
  const OnDevice<unsigned long long> u(32);
  ASSERT_EQ(launch(wide, {.block = 32}, d.data(), f.data(), u.data()), cudaSuccess);
  for (int lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(d.get()[lane], 1.0 / (32 - lane));
    EXPECT_EQ(f.get()[lane], 1.0f / static_cast<float>(32 - lane));
    EXPECT_EQ(u.get()[lane], ~0ull - static_cast<unsigned long long>(31 - lane));
  }
}

__global__ void ballots(unsigned* out) {
  const unsigned lane = threadIdx.x % 32;
  out[threadIdx.x] = __ballot_sync(all, lane % 2);
  out[64 + threadIdx.x] = static_cast<unsigned>(__any_sync(all, lane == 40) * 2 + __all_sync(all, lane < 32));
}

TEST(Warp, BallotsOverTheLanesThatExist) {
  const OnDevice<unsigned> out(128, 0u);
  ASSERT_EQ(launch(ballots, {.block = 40}, out.data()), cudaSuccess);
  const auto got = out.get();
  for (unsigned i = 0; i < 40; ++i) {
    EXPECT_EQ(got[i], i < 32 ? 0xaaaaaaaau : 0xaau);
    EXPECT_EQ(got[64 + i], 1u);
  }
}

__global__ void halves(int* out) {
  const int lane = static_cast<int>(threadIdx.x);
  const unsigned mine = lane < 16 ? 0x0000ffffu : 0xffff0000u;
  int value = lane;
  // One half has more to do, and meets the other only at the end.
  for (int round = 0; round < (lane < 16 ? 3 : 1); ++round) value = __shfl_xor_sync(mine, value, 1);
  out[lane] = __shfl_xor_sync(all, value, 16);
}

TEST(Warp, PartsOfAWarpGoTheirOwnWays) {
  for (std::uint64_t seed = 1; seed < 9; ++seed) {
    emulation::set_seed(seed);
    const OnDevice<int> out(32);
    ASSERT_EQ(launch(halves, {.block = 32}, out.data()), cudaSuccess);
    const auto got = out.get();
    for (int lane = 0; lane < 32; ++lane) EXPECT_EQ(got[lane], (lane ^ 16) ^ 1);
  }
  emulation::set_seed(1);
}

__global__ void from_outside(int* out) {
  const int lane = static_cast<int>(threadIdx.x);
  if (lane < 8) out[lane] = __shfl_sync(0xffu, lane, lane + 8);
}

TEST(Warp, ALaneOutsideTheMaskHasNothingToGive) {
  const OnDevice<int> out(8, 0);
  ASSERT_EQ(launch(from_outside, {.block = 32}, out.data()), cudaSuccess);
  EXPECT_EQ(out.get(), std::vector<int>(8, -1));  // all ones: undefined in CUDA, and NaN as a float
}

__global__ void not_named(int* out) { out[threadIdx.x] = __shfl_sync(0xffu, 1, 0); }

TEST(Warp, AMaskWithoutTheCallerIsAnError) {
  const OnDevice<int> out(32);
  launch(not_named, {.block = 32}, out.data());
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure);
  EXPECT_NE(emulation::last_report().find("does not name its own lane"), std::string::npos) << emulation::last_report();
  emulation::forget_errors();
}

__global__ void syncwarp_orders(int* out) {
  SHARED(int, tile, 64);
  const unsigned i = threadIdx.x;
  for (int round = 0; round < 4; ++round) {
    tile[i] = static_cast<int>(i) + round;
    __syncwarp();
    out[i] = tile[i ^ 1];
    __syncwarp();
  }
}

TEST(Warp, SyncwarpOrdersMemoryWithinAWarp) {
  const OnDevice<int> out(64);
  ASSERT_EQ(launch(syncwarp_orders, {.block = 64}, out.data()), cudaSuccess);
  const auto got = out.get();
  for (int i = 0; i < 64; ++i) EXPECT_EQ(got[i], (i ^ 1) + 3);
}

__global__ void last_block(float* x, float* sum, unsigned* done) {
  SHARED(int, last, 1);
  x[blockIdx.x * 32 + threadIdx.x] = 1.0f;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) *last = atomicAdd(done, 1u) == gridDim.x - 1;
  __syncthreads();
  if (!*last) return;
  __threadfence();
  float total = 0.0f;
  for (unsigned b = 0; b < gridDim.x; ++b) total += x[b * 32 + threadIdx.x];
  for (int delta = 16; delta > 0; delta /= 2) total += __shfl_down_sync(all, total, delta);
  if (threadIdx.x == 0) *sum = total;
}

TEST(Fence, TheLastBlockSeesWhatTheOthersWrote) {
  const OnDevice<float> x(32 * 20), sum(1, 0.0f);
  const OnDevice<unsigned> done(1, 0u);
  ASSERT_EQ(launch(last_block, {.grid = 20, .block = 32}, x.data(), sum.data(), done.data()), cudaSuccess);
  EXPECT_EQ(sum.get()[0], 640.0f);
}

__global__ void atomics(int* i, unsigned* u, float* f, double* d, unsigned long long* l) {
  const int n = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  atomicAdd(&i[0], n);
  atomicMax(&i[1], n);
  atomicMin(&i[2], -n);
  atomicSub(&i[3], 1);
  atomicAdd(&u[0], 1u);
  atomicOr(&u[1], 1u << (n % 32));
  atomicAnd(&u[2], ~(1u << (n % 32)));
  atomicXor(&u[3], 1u);
  atomicInc(&u[4], 9u);
  atomicAdd(f, 0.5f);
  atomicAdd(d, 0.5);
  atomicAdd(l, 1ull << 33);
}

TEST(Atomics, AddUpOverTheGrid) {
  const OnDevice<int> i(4, 0);
  const OnDevice<unsigned> u(std::vector<unsigned>{0, 0, all, 0, 0});
  const OnDevice<float> f(1, 0.0f);
  const OnDevice<double> d(1, 0.0);
  const OnDevice<unsigned long long> l(1, 0ull);
  ASSERT_EQ(launch(atomics, {.grid = 10, .block = 50}, i.data(), u.data(), f.data(), d.data(), l.data()), cudaSuccess);
  EXPECT_EQ(i.get(), (std::vector<int>{499 * 500 / 2, 499, -499, -500}));
  EXPECT_EQ(u.get(), (std::vector<unsigned>{500, all, 0, 0, 0}));
  EXPECT_EQ(f.get()[0], 250.0f);
  EXPECT_EQ(d.get()[0], 250.0);
  EXPECT_EQ(l.get()[0], 500ull << 33);
}

}  // namespace
