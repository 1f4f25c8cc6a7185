#include <sidestep/kernels/cuda/convolution.hpp>

#include <fmt/format.h>

#include <vector>

#include <sidestep/kernels/cuda/error.hpp>

namespace sidestep::kernels::cuda {
namespace {

int as_int(std::size_t value) { return static_cast<int>(value); }

/// A pair of algorithm and arithmetic as one number, for Algorithms: 301 is algorithm 1 in CUDNN_FMA_MATH (3).
template <class Row>
int number_of(const Row& row) {
  return 100 * static_cast<int>(row.mathType) + static_cast<int>(row.algo);
}

/// Of the heuristics' rows, which are deterministic or not as pairs of algorithm and arithmetic: the one that was kept;
/// or the first (the fastest, cuDNN believes) whose workspace is within the limit; or the one with the least.
template <class Row>
const Row* pick(const std::vector<Row>& rows, std::optional<int> kept, bool tf32, std::size_t limit) {
  const Row* least = nullptr;
  for (const Row& row : rows) {
    if (row.status != CUDNN_STATUS_SUCCESS || row.determinism != CUDNN_DETERMINISTIC) continue;
    // neither TF32 that nobody asked for, nor ever a detour over halves
    if (tf32 ? row.mathType == CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION : row.mathType != CUDNN_FMA_MATH) continue;
    if (kept ? number_of(row) == *kept : row.memory <= limit) return &row;
    if (!least || row.memory < least->memory) least = &row;
  }
  return kept ? nullptr : least;
}

ConvolutionDescriptor describe(const ConvolutionShape& shape, bool tf32) {
  cudnnConvolutionDescriptor_t made{};
  SIDESTEP_CHECK(cudnnCreateConvolutionDescriptor(&made));
  ConvolutionDescriptor descriptor(made);
  const int around = as_int(shape.kernel / 2), stride = as_int(shape.stride);
  SIDESTEP_CHECK(cudnnSetConvolution2dDescriptor(made, around, around, stride, stride, 1, 1, CUDNN_CROSS_CORRELATION,
                                                 CUDNN_DATA_FLOAT));
  // cuDNN's default math is TF32 wherever the device has it
  SIDESTEP_CHECK(cudnnSetConvolutionMathType(made, tf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH));
  return descriptor;
}

}  // namespace

TensorDescriptor nhwc(std::size_t batch, const Shape& shape) {
  cudnnTensorDescriptor_t made{};
  SIDESTEP_CHECK(cudnnCreateTensorDescriptor(&made));
  TensorDescriptor descriptor(made);
  SIDESTEP_CHECK(cudnnSetTensor4dDescriptor(made, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, as_int(batch),
                                            as_int(shape.channels), as_int(shape.height), as_int(shape.width)));
  return descriptor;
}

template <class Row, class Algorithm, class MaxCount, class Search, class WorkspaceSize>
void CudnnConvolution::choose(const std::string& name, Direction<Algorithm>& direction, MaxCount max_count,
                              Search search, WorkspaceSize workspace_size) {
  int most = 0, count = 0;
  SIDESTEP_CHECK(max_count(context_.cudnn, &most));
  std::vector<Row> rows(static_cast<std::size_t>(most));
  SIDESTEP_CHECK(search(direction.convolution.get(), most, &count, rows.data()));
  rows.resize(static_cast<std::size_t>(count));
  const auto kept = context_.algorithms->find(name);
  const Row* chosen = pick(rows, kept, context_.tf32, context_.workspace_limit);
  if (!chosen)
    throw CudaError(
        kept ? fmt::format(
                   "{}: this cuDNN doesn't offer algorithm {} that the checkpoint was made with; resume where it "
                   "was made, or start afresh",
                   name, *kept)
             : fmt::format("{}: cuDNN {} has no deterministic algorithm for this shape", name, cudnnGetVersion()));
  context_.algorithms->keep(name, number_of(*chosen));
  direction.algorithm = chosen->algo;
  SIDESTEP_CHECK(cudnnSetConvolutionMathType(direction.convolution, chosen->mathType));
  std::size_t bytes = 0;
  SIDESTEP_CHECK(workspace_size(direction.convolution.get(), chosen->algo, &bytes));
  bench_.reserve_workspace(bytes);
}

CudnnConvolution::CudnnConvolution(const Context& context, Workbench& bench, const std::string& name,
                                   const ConvolutionShape& shape, bool training, bool input_gradient)
    : context_(context), bench_(bench), x_(nhwc(shape.batch, shape.input)), y_(nhwc(shape.batch, shape.output())) {
  cudnnFilterDescriptor_t filter{};
  SIDESTEP_CHECK(cudnnCreateFilterDescriptor(&filter));
  w_ = FilterDescriptor(filter);
  SIDESTEP_CHECK(cudnnSetFilter4dDescriptor(filter, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC, as_int(shape.filters),
                                            as_int(shape.input.channels), as_int(shape.kernel), as_int(shape.kernel)));
  forward_.convolution = describe(shape, context.tf32);

  int n = 0, c = 0, h = 0, w = 0;
  SIDESTEP_CHECK(cudnnGetConvolution2dForwardOutputDim(forward_.convolution, x_, w_, &n, &c, &h, &w));
  if (Shape{static_cast<std::size_t>(c), static_cast<std::size_t>(h), static_cast<std::size_t>(w)} != shape.output())
    throw CudaError(fmt::format("{}: cuDNN's output is {} x {} x {}, not the network's", name, c, h, w));

  choose<cudnnConvolutionFwdAlgoPerf_t>(
      fmt::format("{}.forward@{}", name, shape.batch), forward_, cudnnGetConvolutionForwardAlgorithmMaxCount,
      [&](auto convolution, auto... rest) {
        return cudnnGetConvolutionForwardAlgorithm_v7(context.cudnn, x_, w_, convolution, y_, rest...);
      },
      [&](auto convolution, auto... rest) {
        return cudnnGetConvolutionForwardWorkspaceSize(context.cudnn, x_, w_, convolution, y_, rest...);
      });
  if (!training) return;
  backward_filter_.convolution = describe(shape, context.tf32);
  choose<cudnnConvolutionBwdFilterAlgoPerf_t>(
      fmt::format("{}.backward_filter@{}", name, shape.batch), backward_filter_,
      cudnnGetConvolutionBackwardFilterAlgorithmMaxCount,
      [&](auto convolution, auto... rest) {
        return cudnnGetConvolutionBackwardFilterAlgorithm_v7(context.cudnn, x_, y_, convolution, w_, rest...);
      },
      [&](auto convolution, auto... rest) {
        return cudnnGetConvolutionBackwardFilterWorkspaceSize(context.cudnn, x_, y_, convolution, w_, rest...);
      });
  if (!input_gradient) return;
  backward_data_.convolution = describe(shape, context.tf32);
  choose<cudnnConvolutionBwdDataAlgoPerf_t>(
      fmt::format("{}.backward_data@{}", name, shape.batch), backward_data_,
      cudnnGetConvolutionBackwardDataAlgorithmMaxCount,
      [&](auto convolution, auto... rest) {
        return cudnnGetConvolutionBackwardDataAlgorithm_v7(context.cudnn, w_, y_, convolution, x_, rest...);
      },
      [&](auto convolution, auto... rest) {
        return cudnnGetConvolutionBackwardDataWorkspaceSize(context.cudnn, w_, y_, convolution, x_, rest...);
      });
}

void CudnnConvolution::forward(const float* x, const float* w, float* y) const {
  SIDESTEP_CHECK(cudnnConvolutionForward(context_.cudnn, &one, x_, x, w_, w, forward_.convolution, forward_.algorithm,
                                         bench_.workspace(), bench_.workspace_bytes(), &zero, y_, y));
}

void CudnnConvolution::backward_filter(const float* x, const float* dy, float* dw) const {
  SIDESTEP_CHECK(cudnnConvolutionBackwardFilter(context_.cudnn, &one, x_, x, y_, dy, backward_filter_.convolution,
                                                backward_filter_.algorithm, bench_.workspace(),
                                                bench_.workspace_bytes(), &zero, w_, dw));
}

void CudnnConvolution::backward_data(const float* w, const float* dy, float* dx) const {
  SIDESTEP_CHECK(cudnnConvolutionBackwardData(context_.cudnn, &one, w_, w, y_, dy, backward_data_.convolution,
                                              backward_data_.algorithm, bench_.workspace(), bench_.workspace_bytes(),
                                              &zero, x_, dx));
}

}  // namespace sidestep::kernels::cuda
