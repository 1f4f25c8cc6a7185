#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include "emulation/library_support.hpp"

namespace sidestep::test {
namespace {

std::uint64_t mixed(const Floats& values, std::uint64_t hash = 14695981039346656037u) {
  for (const float value : values) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    hash = (hash ^ bits) * 1099511628211u;
  }
  return hash;
}

/// The gradient of a filter over a large batch, and a long product: what several threads would cut into parts.
std::uint64_t bits() {
  std::mt19937 random(43);
  const Cudnn handle;
  const CublasLt blas;
  const Tensor xd, yd;
  const Filter wd;
  const Convolution cd;
  cudnnSetTensor4dDescriptor(xd, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, 64, 16, 14, 14);
  cudnnSetTensor4dDescriptor(yd, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, 64, 32, 14, 14);
  cudnnSetFilter4dDescriptor(wd, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC, 32, 16, 5, 5);
  cudnnSetConvolution2dDescriptor(cd, 2, 2, 1, 1, 1, 1, CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT);
  const DeviceFloats x(random_floats(random, std::size_t{64} * 16 * 196)),
      dy(random_floats(random, std::size_t{64} * 32 * 196)), dw(std::size_t{32} * 16 * 25);
  const auto algorithm = CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1;
  std::size_t bytes = 0;
  cudnnGetConvolutionBackwardFilterWorkspaceSize(handle, xd, yd, cd, wd, algorithm, &bytes);
  const DeviceArray<char> workspace(bytes);
  EXPECT_EQ(cudnnConvolutionBackwardFilter(handle, &one, xd, x.data(), yd, dy.data(), cd, algorithm, workspace.data(),
                                           bytes, &zero, wd, dw.data()),
            CUDNN_STATUS_SUCCESS);

  cublasLtMatmulDesc_t operation{};
  cublasLtMatrixLayout_t a{}, b{}, d{};
  cublasLtMatmulDescCreate(&operation, CUBLAS_COMPUTE_32F, CUDA_R_32F);
  cublasLtMatrixLayoutCreate(&a, CUDA_R_32F, 17, 12544, 17);
  cublasLtMatrixLayoutCreate(&b, CUDA_R_32F, 12544, 16, 12544);
  cublasLtMatrixLayoutCreate(&d, CUDA_R_32F, 17, 16, 17);
  const DeviceFloats product(std::size_t{17} * 16);
  const auto chain = random_floats(random, std::size_t{17} * 12544);
  const DeviceFloats dev_a(chain);
  EXPECT_EQ(cublasLtMatmul(blas, operation, &one, dev_a.data(), a, x.data(), b, &zero, product.data(), d,
                           product.data(), d, nullptr, nullptr, 0, nullptr),
            CUBLAS_STATUS_SUCCESS);
  const auto hash = mixed(product.get(), mixed(dw.get()));
  cublasLtMatmulDescDestroy(operation);
  for (auto* layout : {a, b, d}) cublasLtMatrixLayoutDestroy(layout);
  return hash;
}

/// Not a test: what the test below runs in another process.
TEST(LibraryBits, DISABLED_ArePrinted) { std::printf("bits=%016llx\n", static_cast<unsigned long long>(bits())); }

std::string bits_with(int threads) {
  const std::string command = "OMP_NUM_THREADS=" + std::to_string(threads) + " OMP_DYNAMIC=false /proc/" +
                              std::to_string(getpid()) +
                              "/exe --gtest_also_run_disabled_tests --gtest_filter=LibraryBits.DISABLED_ArePrinted";
  FILE* output = popen(command.c_str(), "r");
  std::string found;
  char line[256];
  while (output && std::fgets(line, sizeof line, output))
    if (std::strncmp(line, "bits=", 5) == 0) found = line;
  EXPECT_EQ(pclose(output), 0);
  return found;
}

TEST(LibraryBits, DoNotDependOnHowManyThreadsTheMachineHas) {
  const auto alone = bits_with(1);
  EXPECT_FALSE(alone.empty());
  EXPECT_EQ(bits_with(4), alone);
  EXPECT_EQ(bits_with(3), alone);
}

}  // namespace
}  // namespace sidestep::test
