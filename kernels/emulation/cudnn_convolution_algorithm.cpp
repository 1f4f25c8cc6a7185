#include <algorithm>

#include <sidestep/kernels/emulation/cudnn_convolution.hpp>

namespace sidestep::emulation::cudnn {

std::vector<Algorithm> algorithms(const ConvolutionProblem& p) {
  // Workspaces are of the size of what such an algorithm keeps there: offsets, or sums that are added up afterwards.
  const auto elements = [](const Sizes& s) { return std::size_t(s[0]) * s[1] * s[2] * s[3]; };
  const bool channels_last = p.w_stride[1] == 1;
  const std::size_t filter = elements(p.w) * sizeof(float);
  switch (p.kind) {
    case ConvolutionProblem::Kind::forward:
      return {{CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM, true, 0.1f,
               sizeof(int) * std::size_t(p.w[1]) * p.w[2] * p.w[3]},
              {CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM, true, 0.2f, 0}};
    case ConvolutionProblem::Kind::data:
      return {{CUDNN_CONVOLUTION_BWD_DATA_ALGO_0, false, 0.1f, 0},
              {CUDNN_CONVOLUTION_BWD_DATA_ALGO_1, true, 0.2f, filter}};
    case ConvolutionProblem::Kind::filter: {
      std::vector<Algorithm> list{{CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0, false, 0.1f, 0},
                                  {CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, true, 0.2f, 2 * filter}};
      if (!channels_last) list.push_back({CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3, false, 0.3f, filter});
      return list;
    }
  }
  return {};
}

namespace {

using Kind = ConvolutionProblem::Kind;

/// Fills in cuDNN's answer: what there is, then what isn't supported.
template <class Result>
cudnnStatus_t answer(const char* call, cudnnHandle_t handle, const ConvolutionProblem& problem, int count,
                     cudnnMathType_t math, int requested, int* returned, Result* results) {
  if (!handle || !returned || !results || requested < 1)
    return refuse(CUDNN_STATUS_BAD_PARAM, call, "a handle or a result is null, or none was requested");
  const auto there = algorithms(problem);
  *returned = 0;
  const auto add = [&](const Result& result) {
    if (*returned < requested) results[(*returned)++] = result;
  };
  using Number = decltype(Result::algo);
  for (const auto& a : there)
    add({static_cast<Number>(a.number),
         CUDNN_STATUS_SUCCESS,
         a.time,
         a.workspace,
         a.deterministic ? CUDNN_DETERMINISTIC : CUDNN_NON_DETERMINISTIC,
         math,
         {}});
  for (int number = 0; number < count; ++number) {
    const auto has = [&](const Algorithm& a) { return a.number == number; };
    if (std::none_of(there.begin(), there.end(), has))
      add({static_cast<Number>(number), CUDNN_STATUS_NOT_SUPPORTED, -1.0f, 0, CUDNN_NON_DETERMINISTIC, math, {}});
  }
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t workspace(const char* call, cudnnHandle_t handle, const ConvolutionProblem& problem, int number,
                        size_t* size) {
  if (!handle || !size) return refuse(CUDNN_STATUS_BAD_PARAM, call, "handle or size is null");
  for (const auto& a : algorithms(problem)) {
    if (a.number != number) continue;
    *size = a.workspace;
    return CUDNN_STATUS_SUCCESS;
  }
  return refuse(CUDNN_STATUS_NOT_SUPPORTED, call, "the emulation doesn't have this algorithm for this problem");
}

cudnnStatus_t count(const char* call, cudnnHandle_t handle, int* count, int number) {
  if (!handle || !count) return refuse(CUDNN_STATUS_BAD_PARAM, call, "handle or count is null");
  *count = number;
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace
}  // namespace sidestep::emulation::cudnn

using namespace sidestep::emulation::cudnn;
using Kind = ConvolutionProblem::Kind;

cudnnStatus_t cudnnGetConvolutionForwardAlgorithmMaxCount(cudnnHandle_t handle, int* number) {
  return count(__func__, handle, number, CUDNN_CONVOLUTION_FWD_ALGO_COUNT);
}
cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithmMaxCount(cudnnHandle_t handle, int* number) {
  return count(__func__, handle, number, CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT);
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithmMaxCount(cudnnHandle_t handle, int* number) {
  return count(__func__, handle, number, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT);
}

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t handle, const cudnnTensorDescriptor_t x,
                                                     const cudnnFilterDescriptor_t w,
                                                     const cudnnConvolutionDescriptor_t convolution,
                                                     const cudnnTensorDescriptor_t y, const int requested,
                                                     int* returned, cudnnConvolutionFwdAlgoPerf_t* results) {
  ConvolutionProblem problem;
  if (const auto status = convolution_problem(__func__, Kind::forward, x, w, convolution, y, problem)) return status;
  return answer(__func__, handle, problem, CUDNN_CONVOLUTION_FWD_ALGO_COUNT, convolution->math, requested, returned,
                results);
}

cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t handle, const cudnnFilterDescriptor_t w,
                                                          const cudnnTensorDescriptor_t dy,
                                                          const cudnnConvolutionDescriptor_t convolution,
                                                          const cudnnTensorDescriptor_t dx, const int requested,
                                                          int* returned, cudnnConvolutionBwdDataAlgoPerf_t* results) {
  ConvolutionProblem problem;
  if (const auto status = convolution_problem(__func__, Kind::data, dx, w, convolution, dy, problem)) return status;
  return answer(__func__, handle, problem, CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT, convolution->math, requested,
                returned, results);
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t handle, const cudnnTensorDescriptor_t x,
                                                            const cudnnTensorDescriptor_t dy,
                                                            const cudnnConvolutionDescriptor_t convolution,
                                                            const cudnnFilterDescriptor_t dw, const int requested,
                                                            int* returned,
                                                            cudnnConvolutionBwdFilterAlgoPerf_t* results) {
  ConvolutionProblem problem;
  if (const auto status = convolution_problem(__func__, Kind::filter, x, dw, convolution, dy, problem)) return status;
  return answer(__func__, handle, problem, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT, convolution->math, requested,
                returned, results);
}

cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t handle, const cudnnTensorDescriptor_t x,
                                                      const cudnnFilterDescriptor_t w,
                                                      const cudnnConvolutionDescriptor_t convolution,
                                                      const cudnnTensorDescriptor_t y,
                                                      cudnnConvolutionFwdAlgo_t algorithm, size_t* size) {
  ConvolutionProblem problem;
  if (const auto status = convolution_problem(__func__, Kind::forward, x, w, convolution, y, problem)) return status;
  return workspace(__func__, handle, problem, algorithm, size);
}

cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(cudnnHandle_t handle, const cudnnFilterDescriptor_t w,
                                                           const cudnnTensorDescriptor_t dy,
                                                           const cudnnConvolutionDescriptor_t convolution,
                                                           const cudnnTensorDescriptor_t dx,
                                                           cudnnConvolutionBwdDataAlgo_t algorithm, size_t* size) {
  ConvolutionProblem problem;
  if (const auto status = convolution_problem(__func__, Kind::data, dx, w, convolution, dy, problem)) return status;
  return workspace(__func__, handle, problem, algorithm, size);
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(cudnnHandle_t handle, const cudnnTensorDescriptor_t x,
                                                             const cudnnTensorDescriptor_t dy,
                                                             const cudnnConvolutionDescriptor_t convolution,
                                                             const cudnnFilterDescriptor_t dw,
                                                             cudnnConvolutionBwdFilterAlgo_t algorithm, size_t* size) {
  ConvolutionProblem problem;
  if (const auto status = convolution_problem(__func__, Kind::filter, x, dw, convolution, dy, problem)) return status;
  return workspace(__func__, handle, problem, algorithm, size);
}
