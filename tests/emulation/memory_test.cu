#include <gtest/gtest.h>

#include "emulation/device.hpp"

using namespace sidestep::test;
namespace emulation = sidestep::emulation;

namespace {

constexpr std::size_t mebi = std::size_t{1} << 20;

__global__ void count_nan(const float* x, int n, int* found) {
  for (int i = 0; i < n; ++i) *found += std::isnan(x[i]);
}

TEST(DeviceMemory, IsNotANumberUntilItIsWritten) {
  const OnDevice<int> found(1, 0);
  for (int round = 0; round < 3; ++round) {  // used memory, too
    const OnDevice<float> x(1000);
    launch(count_nan, {.block = 1}, x.data(), 1000, found.data());
    cudaMemset(x.data(), 0, 4000);
  }
  EXPECT_EQ(found.get()[0], 3000);
}

TEST(DeviceMemory, IsAlignedAndKnown) {
  const OnDevice<char> a(3), b(5);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a.data()) % 256, 0u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(b.data()) % 256, 0u);
  cudaPointerAttributes what{};
  ASSERT_EQ(cudaPointerGetAttributes(&what, b.data() + 4), cudaSuccess);
  EXPECT_EQ(what.type, cudaMemoryTypeDevice);
  EXPECT_EQ(what.hostPointer, nullptr);
  int local = 0;
  ASSERT_EQ(cudaPointerGetAttributes(&what, &local), cudaSuccess);
  EXPECT_EQ(what.type, cudaMemoryTypeUnregistered);
  int* pinned = nullptr;
  cudaHostAlloc(&pinned, 4, cudaHostAllocDefault);
  ASSERT_EQ(cudaPointerGetAttributes(&what, pinned), cudaSuccess);
  EXPECT_EQ(what.type, cudaMemoryTypeHost);
  cudaFreeHost(pinned);
}

TEST(DeviceMemory, WrongPointersAreRefused) {
  int local = 0;
  EXPECT_EQ(cudaFree(&local), cudaErrorInvalidValue);
  const OnDevice<int> x(4);
  EXPECT_EQ(cudaFree(x.data() + 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFreeAsync(x.data() + 1, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(nullptr), cudaSuccess);
  EXPECT_EQ(cudaMemset(x.data(), 0, 17), cudaErrorInvalidValue);
  cudaGetLastError();
}

TEST(DeviceMemory, IsLimited) {
  emulation::faults().memory_limit = 64 * mebi;
  std::size_t free = 0, total = 0, before = 0;
  ASSERT_EQ(cudaMemGetInfo(&before, &total), cudaSuccess);
  EXPECT_EQ(total, 64 * mebi);
  void* half = nullptr;
  void* rest = nullptr;
  ASSERT_EQ(cudaMalloc(&half, 32 * mebi), cudaSuccess);
  cudaMemGetInfo(&free, &total);
  EXPECT_EQ(free, before - 32 * mebi);
  EXPECT_EQ(cudaMalloc(&rest, 40 * mebi), cudaErrorMemoryAllocation);
  EXPECT_EQ(rest, nullptr);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess) << "not sticky";
  cudaFree(half);
  EXPECT_EQ(cudaMalloc(&rest, 40 * mebi), cudaSuccess);
  cudaFree(rest);
  emulation::faults().memory_limit = emulation::Faults().memory_limit;
}

class Pool : public testing::Test {
 protected:
  void SetUp() override {
    cudaMemPoolProps properties{};
    properties.allocType = cudaMemAllocationTypePinned;
    properties.location = {cudaMemLocationTypeDevice, 0};
    ASSERT_EQ(cudaMemPoolCreate(&pool_, &properties), cudaSuccess);
    std::uint64_t keep = ~std::uint64_t{0};
    ASSERT_EQ(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &keep), cudaSuccess);
  }
  void TearDown() override { EXPECT_EQ(cudaMemPoolDestroy(pool_), cudaSuccess); }
  std::uint64_t get(cudaMemPoolAttr which) {
    std::uint64_t value = 0;
    EXPECT_EQ(cudaMemPoolGetAttribute(pool_, which, &value), cudaSuccess);
    return value;
  }
  void* allocate(std::size_t bytes) {
    void* pointer = nullptr;
    EXPECT_EQ(cudaMallocFromPoolAsync(&pointer, bytes, pool_, stream_), cudaSuccess);
    return pointer;
  }

  const Stream stream_;
  cudaMemPool_t pool_ = nullptr;
};

TEST_F(Pool, CountsWhatIsUsedAndReserved) {
  void* a = allocate(3 * mebi);
  void* b = allocate(mebi);
  EXPECT_EQ(get(cudaMemPoolAttrUsedMemCurrent), 4 * mebi);
  EXPECT_GE(get(cudaMemPoolAttrReservedMemCurrent), 4 * mebi);
  EXPECT_EQ(cudaFreeAsync(a, stream_), cudaSuccess);
  EXPECT_EQ(get(cudaMemPoolAttrUsedMemCurrent), mebi);
  EXPECT_EQ(get(cudaMemPoolAttrUsedMemHigh), 4 * mebi);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_GE(get(cudaMemPoolAttrReservedMemCurrent), 4 * mebi) << "the threshold keeps it";
  std::uint64_t zero = 0;
  EXPECT_EQ(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrUsedMemHigh, &zero), cudaSuccess);
  EXPECT_EQ(get(cudaMemPoolAttrUsedMemHigh), mebi);
  EXPECT_EQ(cudaFreeAsync(b, stream_), cudaSuccess);
}

TEST_F(Pool, GivesBackWhatTrimAsksFor) {
  std::size_t before = 0, after = 0, total = 0;
  void* a = allocate(8 * mebi);
  void* b = allocate(2 * mebi);
  cudaFreeAsync(a, stream_);
  cudaStreamSynchronize(stream_);
  cudaMemGetInfo(&before, &total);
  EXPECT_EQ(cudaMemPoolTrimTo(pool_, 0), cudaSuccess);
  cudaMemGetInfo(&after, &total);
  EXPECT_EQ(get(cudaMemPoolAttrReservedMemCurrent), 2 * mebi);
  EXPECT_EQ(after - before, 8 * mebi);
  cudaFreeAsync(b, stream_);
}

TEST_F(Pool, WithoutAThresholdGivesBackAtASynchronisation) {
  std::uint64_t none = 0;
  cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &none);
  cudaFreeAsync(allocate(8 * mebi), stream_);
  EXPECT_GE(get(cudaMemPoolAttrReservedMemCurrent), 8 * mebi);
  cudaStreamSynchronize(stream_);
  EXPECT_EQ(get(cudaMemPoolAttrReservedMemCurrent), 0u);
}

TEST_F(Pool, LivesOnWhileItsMemoryDoes) {
  void* a = allocate(mebi);
  EXPECT_EQ(cudaMemPoolDestroy(pool_), cudaSuccess);
  EXPECT_EQ(cudaMemsetAsync(a, 0, mebi, stream_), cudaSuccess);
  EXPECT_EQ(cudaFreeAsync(a, stream_), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  SetUp();
}

__global__ void fill(int* x, int value) { x[threadIdx.x] = value; }

TEST_F(Pool, MemoryIsFreedInStreamOrder) {
  for (int round = 0; round < 50; ++round) {
    auto* x = static_cast<int*>(allocate(64 * sizeof(int)));
    launch(fill, {.block = 64, .stream = stream_}, x, round);
    int seen = 0;
    cudaMemcpyAsync(&seen, x + 63, 4, cudaMemcpyDeviceToHost, stream_);
    EXPECT_EQ(seen, round);
    EXPECT_EQ(cudaFreeAsync(x, stream_), cudaSuccess);
  }
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
}

}  // namespace
