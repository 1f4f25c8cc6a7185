#include <cstdlib>
#include <string>

#include <sidestep_emulation.h>

#include "emulation/library_support.hpp"

/// Mistakes around a library call that the tools have to find although oneDNN isn't compiled for them. Each is made in
/// a process of its own, which the tool ends.

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ADDRESS_SANITIZER
#elif __has_feature(thread_sanitizer)
#define UNDER_THREAD_SANITIZER
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ADDRESS_SANITIZER
#elif defined(__SANITIZE_THREAD__)
#define UNDER_THREAD_SANITIZER
#endif

namespace sidestep::test {
namespace {

/// A small convolution on a stream, with as many bytes for its output as one likes.
struct SmallConvolution {
  Cudnn handle;
  Tensor x, y;
  Filter w;
  Convolution convolution;
  DeviceFloats dev_x{2 * 3 * 8 * 8, 1.0f}, dev_w{4 * 3 * 3 * 3, 1.0f};

  static constexpr std::size_t output = std::size_t{2} * 4 * 8 * 8;

  SmallConvolution() {
    cudnnSetTensor4dDescriptor(x, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, 2, 3, 8, 8);
    cudnnSetTensor4dDescriptor(y, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, 2, 4, 8, 8);
    cudnnSetFilter4dDescriptor(w, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC, 4, 3, 3, 3);
    cudnnSetConvolution2dDescriptor(convolution, 1, 1, 1, 1, 1, 1, CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT);
  }
  void run(cudaStream_t stream, const float* from, float* to) {
    cudnnSetStream(handle, stream);
    EXPECT_EQ(cudnnConvolutionForward(handle, &one, x, from, w, dev_w.data(), convolution,
                                      CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM, nullptr, 0, &zero, y, to),
              CUDNN_STATUS_SUCCESS);
  }
};

[[maybe_unused]] void write_past_the_end() {
  SmallConvolution c;
  const DeviceArray<char> y(SmallConvolution::output * sizeof(float) - 4);
  const Stream stream;
  c.run(stream, c.dev_x.data(), reinterpret_cast<float*>(y.data()));
  cudaStreamSynchronize(stream);
}

/// Two streams touch y. With `wait` the second waits for an event of the first.
[[maybe_unused]] void memset_beside_a_convolution(bool wait) {
  SmallConvolution c;
  const DeviceFloats y(SmallConvolution::output);
  const Stream first, second;
  cudaEvent_t event{};
  cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
  cudaMemsetAsync(y.data(), 0, SmallConvolution::output * sizeof(float), first);
  cudaEventRecord(event, first);
  if (wait) cudaStreamWaitEvent(second, event, 0);
  c.run(second, c.dev_x.data(), y.data());
  cudaDeviceSynchronize();
  cudaEventDestroy(event);
}

class CudnnFaults : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
  void TearDown() override { emulation::forget_errors(); }
};

#if defined(UNDER_ADDRESS_SANITIZER)

TEST_F(CudnnFaults, AddressSanitizerFindsAnOutputThatIsFourBytesShort) {
  EXPECT_DEATH(write_past_the_end(),
               "argument 'y' has 2048 bytes by its descriptor, and byte 2044 (.|\n)*AddressSanitizer");
}

#elif defined(UNDER_THREAD_SANITIZER)

TEST_F(CudnnFaults, ThreadSanitizerFindsAMemsetBesideAConvolution) {
  setenv("TSAN_OPTIONS", "halt_on_error=1 exitcode=66", 1);
  EXPECT_EXIT(memset_beside_a_convolution(false), testing::ExitedWithCode(66), "ThreadSanitizer: data race");
}

TEST_F(CudnnFaults, ThreadSanitizerIsSilentWhereTheStreamWaits) {
  setenv("TSAN_OPTIONS", "halt_on_error=1 exitcode=66", 1);
  EXPECT_EXIT((memset_beside_a_convolution(true), std::_Exit(0)), testing::ExitedWithCode(0), "");
}

TEST_F(CudnnFaults, TwoStreamsMayUseTheSameShapeAtOnce) {
  SmallConvolution a, b;
  const DeviceFloats ya(SmallConvolution::output), yb(SmallConvolution::output);
  const Stream first, second;
  for (int i = 0; i < 20; ++i) {
    a.run(first, a.dev_x.data(), ya.data());
    b.run(second, a.dev_x.data(), yb.data());
  }
  EXPECT_EQ(ya.get(), yb.get());
}

#else

TEST_F(CudnnFaults, AnOutputThatIsFourBytesShortFailsTheStreamAndNamesTheArgument) {
  write_past_the_end();
  EXPECT_NE(cudaGetLastError(), cudaSuccess);
  const auto said = emulation::last_report();
  EXPECT_NE(said.find("cudnnConvolutionForward failed: argument 'y' has 2048 bytes"), std::string::npos) << said;
}

TEST_F(CudnnFaults, TheHostsOwnMemoryIsNoArgument) {
  SmallConvolution c;
  const DeviceFloats y(SmallConvolution::output);
  const Floats own(std::size_t{2} * 3 * 8 * 8);
  const Stream stream;
  c.run(stream, own.data(), y.data());
  EXPECT_NE(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_NE(emulation::last_report().find("argument 'x' points to the host's own memory"), std::string::npos);
}

TEST_F(CudnnFaults, WithoutADeviceThereIsNoHandle) {
  emulation::faults().no_driver = true;
  cudnnHandle_t handle{};
  cublasLtHandle_t blas{};
  EXPECT_EQ(cudnnCreate(&handle), CUDNN_STATUS_NOT_INITIALIZED);
  EXPECT_EQ(cublasLtCreate(&blas), CUBLAS_STATUS_NOT_INITIALIZED);
  emulation::faults().no_driver = false;
}

#endif

}  // namespace
}  // namespace sidestep::test
