#include <sidestep_emulation.h>

#include "emulation/library_support.hpp"

namespace sidestep::test {
namespace {

/// A convolution and a product in a graph: each is one node, and a replay computes with what the memory holds then,
/// after the descriptors are gone.
TEST(CudnnInAGraph, IsReplayedWithoutItsDescriptors) {
  const Stream stream;
  const DeviceFloats x(std::size_t{4} * 4 * 3, 1.0f), w(std::size_t{2} * 3, 1.0f), y(std::size_t{4} * 4 * 2), sums(2),
      ones(16, 1.0f);
  cudaGraph_t graph{};
  cudaGraphExec_t exec{};
  {
    Cudnn handle;
    CublasLt blas;
    Tensor xd, yd;
    Filter wd;
    Convolution cd;
    CUDNN_OK(cudnnSetStream(handle, stream));
    CUDNN_OK(cudnnSetTensor4dDescriptor(xd, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, 1, 3, 4, 4));
    CUDNN_OK(cudnnSetTensor4dDescriptor(yd, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, 1, 2, 4, 4));
    CUDNN_OK(cudnnSetFilter4dDescriptor(wd, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC, 2, 3, 1, 1));
    CUDNN_OK(cudnnSetConvolution2dDescriptor(cd, 0, 0, 1, 1, 1, 1, CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT));
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    CUDNN_OK(cudnnConvolutionForward(handle, &one, xd, x.data(), wd, w.data(), cd,
                                     CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM, nullptr, 0, &zero, yd, y.data()));
    // sums = y (2 x 16, columns) times a column of ones
    cublasLtMatmulDesc_t operation{};
    cublasLtMatrixLayout_t a{}, b{}, d{};
    cublasLtMatmulDescCreate(&operation, CUBLAS_COMPUTE_32F, CUDA_R_32F);
    cublasLtMatrixLayoutCreate(&a, CUDA_R_32F, 2, 16, 2);
    cublasLtMatrixLayoutCreate(&b, CUDA_R_32F, 16, 1, 16);
    cublasLtMatrixLayoutCreate(&d, CUDA_R_32F, 2, 1, 2);
    EXPECT_EQ(cublasLtMatmul(blas, operation, &one, y.data(), a, ones.data(), b, &zero, sums.data(), d, sums.data(), d,
                             nullptr, nullptr, 0, stream),
              CUBLAS_STATUS_SUCCESS);
    cublasLtMatmulDescDestroy(operation);
    for (auto* layout : {a, b, d}) cublasLtMatrixLayoutDestroy(layout);
    ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
    std::size_t nodes = 0;
    ASSERT_EQ(cudaGraphGetNodes(graph, nullptr, &nodes), cudaSuccess);
    EXPECT_EQ(nodes, 2u);
    ASSERT_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  }
  EXPECT_EQ(sums.get(), (Floats{0, 0})) << "nothing runs while it is captured";
  for (const float value : {1.0f, 2.0f}) {
    w.set({value, value, value, 1, 1, 1});
    ASSERT_EQ(cudaGraphLaunch(exec, stream), cudaSuccess);
    EXPECT_EQ(sums.get(), (Floats{48 * value, 48}));
  }
  cudaGraphExecDestroy(exec);
  cudaGraphDestroy(graph);
}

}  // namespace
}  // namespace sidestep::test
