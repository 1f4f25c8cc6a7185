#include <gtest/gtest.h>

#include <nvtx3/nvToolsExt.h>

#include <cstring>
#include <map>
#include <string>
#include <thread>

#include "emulation/device.hpp"

using namespace sidestep::test;
namespace emulation = sidestep::emulation;

namespace {

__global__ void nothing() {}
__global__ void nothing_else() {}
__global__ void uses_dynamic(char* out, int bytes) {
  DYNAMIC_SHARED(char, tile);
  tile[bytes - 1] = 1;
  *out = tile[bytes - 1];
}
__global__ void much_shared() {
  SHARED(double, tile, 7000);
  tile[0] = 1;
}

TEST(Launch, RefusesWhatNoDeviceTakes) {
  EXPECT_EQ(launch(nothing, {.block = 1025}), cudaErrorInvalidConfiguration);
  EXPECT_NE(emulation::last_report().find("nothing() with a grid of (1,1,1) and blocks of (1025,1,1)"),
            std::string::npos)
      << emulation::last_report();
  EXPECT_EQ(launch(nothing, {.block = dim3(32, 33)}), cudaErrorInvalidConfiguration);
  EXPECT_EQ(launch(nothing, {.block = dim3(1, 1, 65)}), cudaErrorInvalidConfiguration);
  EXPECT_EQ(launch(nothing, {.grid = 0}), cudaErrorInvalidConfiguration);
  EXPECT_EQ(launch(nothing, {.grid = dim3(1, 65536)}), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidConfiguration);
  EXPECT_EQ(launch(nothing, {.block = 1024}), cudaSuccess);
  cudaLaunchConfig_t config{};
  config.gridDim = config.blockDim = 1;
  config.numAttrs = 1;
  EXPECT_EQ(cudaLaunchKernelEx(&config, nothing), cudaErrorNotSupported);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess) << "none of it is sticky";
  cudaGetLastError();
}

TEST(Launch, DynamicSharedMemoryBeyond48KiBMustBeAskedFor) {
  const OnDevice<char> out(1, '\0');
  const int bytes = 100 * 1024;
  EXPECT_EQ(launch(uses_dynamic, {.block = 1, .shared = bytes}, out.data(), bytes), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFuncSetAttribute(uses_dynamic, cudaFuncAttributeMaxDynamicSharedMemorySize, 228 * 1024),
            cudaErrorInvalidValue);
  EXPECT_EQ(cudaFuncSetAttribute(uses_dynamic, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), cudaSuccess);
  EXPECT_EQ(launch(uses_dynamic, {.block = 1, .shared = bytes}, out.data(), bytes), cudaSuccess);
  EXPECT_EQ(out.get()[0], 1);
  cudaGetLastError();
}

TEST(Launch, StaticSharedMemoryIsLimited) {
  launch(much_shared, {.block = 1});
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorInvalidValue);
  EXPECT_NE(emulation::last_report().find("asks for more static shared memory than the 49152 bytes"),
            std::string::npos);
  emulation::forget_errors();
}

TEST(Calls, AreCounted) {
  const Stream stream;
  emulation::reset_calls();
  launch(nothing, {.stream = stream});
  launch(nothing, {.stream = stream});
  cudaStreamSynchronize(stream);
  EXPECT_EQ(emulation::calls(),
            (std::map<std::string, std::uint64_t>{{"cudaLaunchKernelEx", 2}, {"cudaStreamSynchronize", 1}}));
}

TEST(Ranges, AreCountedByNameAndEndInTheirThread) {
  using Counts = std::map<std::string, emulation::RangeCount>;
  emulation::reset_ranges();
  EXPECT_EQ(nvtxRangePushA("step"), 0);
  EXPECT_EQ(nvtxRangePushA("layer"), 1);
  std::thread([] { EXPECT_EQ(nvtxRangePushA("writer"), 0); }).join();
  EXPECT_EQ(nvtxRangePop(), 1);
  EXPECT_EQ(emulation::ranges(), (Counts{{"step", {1, 0}}, {"layer", {1, 1}}, {"writer", {1, 0}}}));
  EXPECT_EQ(nvtxRangePop(), 0);
  EXPECT_LT(nvtxRangePop(), 0) << "none is open";
  EXPECT_EQ(emulation::ranges(), (Counts{{"step", {1, 1}}, {"layer", {1, 1}}, {"writer", {1, 0}}, {"", {0, 1}}}));
  emulation::reset_ranges();
  EXPECT_TRUE(emulation::ranges().empty());
}

TEST(Faults, AnotherProgramTakesMemoryFromAKernelsNthRunOn) {
  const auto launch_and_ask = [] {
    EXPECT_EQ(launch(nothing_else, {}), cudaSuccess);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    std::size_t free = 0, total = 0;
    EXPECT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
    return total;
  };
  const std::size_t whole = emulation::faults().memory_limit, little = std::size_t{3} << 20;
  emulation::faults().neighbours = {{"nothing_else", 2, little}};
  EXPECT_EQ(launch_and_ask(), whole);
  EXPECT_EQ(launch_and_ask(), little);
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, 2 * little), cudaErrorMemoryAllocation);
  cudaGetLastError();
  emulation::faults().neighbours.clear();
  emulation::faults().memory_limit = whole;
}

TEST(Faults, AKernelsNthLaunchFailsForGood) {
  emulation::faults().failing_launches = {{"nothing_else", 2, cudaErrorECCUncorrectable}};
  EXPECT_EQ(launch(nothing, {}), cudaSuccess);
  EXPECT_EQ(launch(nothing_else, {}), cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(launch(nothing_else, {}), cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorECCUncorrectable);
  EXPECT_EQ(launch(nothing, {}), cudaErrorECCUncorrectable);
  EXPECT_EQ(cudaGetLastError(), cudaErrorECCUncorrectable);
  EXPECT_EQ(cudaGetLastError(), cudaErrorECCUncorrectable) << "sticky";
  emulation::faults().failing_launches.clear();
  emulation::forget_errors();
}

TEST(Faults, MachinesWithoutADriverOrADevice) {
  int n = 5, version = -1;
  emulation::faults().no_driver = true;
  EXPECT_EQ(cudaDriverGetVersion(&version), cudaSuccess);
  EXPECT_EQ(version, 0);
  EXPECT_EQ(cudaGetDeviceCount(&n), cudaErrorInsufficientDriver);
  EXPECT_EQ(n, 0);
  emulation::faults().no_driver = false;
  emulation::faults().no_device = true;
  EXPECT_EQ(cudaGetDeviceCount(&n), cudaErrorNoDevice);
  emulation::faults().no_device = false;
  emulation::faults().driver_version = 12040;
  EXPECT_EQ(cudaDriverGetVersion(&version), cudaSuccess);
  EXPECT_EQ(version, 12040);
  EXPECT_EQ(cudaGetDeviceCount(&n), cudaErrorInsufficientDriver);
  emulation::faults().driver_version = CUDART_VERSION;
  EXPECT_EQ(cudaRuntimeGetVersion(&version), cudaSuccess);
  EXPECT_EQ(version, CUDART_VERSION);
  EXPECT_EQ(cudaGetDeviceCount(&n), cudaSuccess);
  EXPECT_EQ(n, 1);
  cudaGetLastError();
}

TEST(Faults, AnOldDeviceHasNoCodeForIt) {
  emulation::faults().compute_major = 7;
  int major = 0;
  EXPECT_EQ(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0), cudaSuccess);
  EXPECT_EQ(major, 7);
  EXPECT_EQ(launch(nothing, {}), cudaErrorNoKernelImageForDevice);
  emulation::faults().compute_major = 9;
  cudaGetLastError();
}

TEST(Device, SaysWhatItIs) {
  cudaDeviceProp properties{};
  ASSERT_EQ(cudaGetDeviceProperties(&properties, 0), cudaSuccess);
  EXPECT_STREQ(properties.name, "emulated on the CPU");
  EXPECT_EQ(properties.major, 9);
  int device = -1, value = 0;
  EXPECT_EQ(cudaGetDevice(&device), cudaSuccess);
  EXPECT_EQ(device, 0);
  EXPECT_EQ(cudaSetDevice(1), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaDeviceGetAttribute(&value, cudaDevAttrWarpSize, 0), cudaSuccess);
  EXPECT_EQ(value, 32);
  cudaGetLastError();
}

TEST(Errors, HaveCudasNames) {
  EXPECT_STREQ(cudaGetErrorName(cudaErrorIllegalAddress), "cudaErrorIllegalAddress");
  EXPECT_STREQ(cudaGetErrorString(cudaErrorMemoryAllocation), "out of memory");
  EXPECT_STREQ(cudaGetErrorName(static_cast<cudaError_t>(12345)), "unrecognized error code");
}

__global__ void arithmetic(float* f, unsigned* u) {
  f[0] = rsqrtf(4.0f);
  f[1] = __fmaf_rn(1.0f + 0x1p-12f, 1.0f + 0x1p-12f, -1.0f);
  f[2] = __expf(1.0f);
  f[3] = __logf(2.0f);
  f[4] = __uint_as_float(0x3f800000u);
  f[5] = __fmul_rn(3.0f, 0.5f);
  f[6] = fmaxf(1.0f, min(2.0f, 3.0f));
  f[7] = __saturatef(-1.0f) + __saturatef(5.0f);
  u[0] = __umulhi(0x80000001u, 6u);
  u[1] = __float_as_uint(-0.0f);
  u[2] = static_cast<unsigned>(__popc(0xf0f0u) * 10000 + __clz(0x00ff0000) * 100 + __ffs(8));
  u[3] = __brev(1u);
  u[4] = max(3u, 7u);
  const float4 v = make_float4(1, 2, 3, 4);
  u[5] = static_cast<unsigned>(v.w + __ldg(&v.x));
}

TEST(DeviceCode, ComputesAsCudaDoes) {
  const OnDevice<float> f(8);
  const OnDevice<unsigned> u(6);
  ASSERT_EQ(launch(arithmetic, {.block = 1}, f.data(), u.data()), cudaSuccess);
  const auto g = f.get();
  EXPECT_EQ(g[0], 0.5f);
  EXPECT_EQ(g[1], 0x1p-11f + 0x1p-24f) << "one rounding, not two";
  EXPECT_FLOAT_EQ(g[2], 2.7182817f);
  EXPECT_FLOAT_EQ(g[3], 0.6931472f);
  EXPECT_EQ(g[4], 1.0f);
  EXPECT_EQ(g[5], 1.5f);
  EXPECT_EQ(g[6], 2.0f);
  EXPECT_EQ(g[7], 1.0f);
  EXPECT_EQ(u.get(), (std::vector<unsigned>{3u, 0x80000000u, 80804u, 0x80000000u, 7u, 5u}));
}

}  // namespace
