#include <sidestep/kernels/cuda/convolution.hpp>

#include <fmt/format.h>

#include <array>

#include <sidestep/kernels/cuda/error.hpp>

namespace sidestep::kernels::cuda {
namespace {

constexpr float one = 1.0f, zero = 0.0f;

int as_int(std::size_t value) { return static_cast<int>(value); }

/// The one kept under this name, or the first (the fastest, says the heuristic) that is deterministic and fits.
template <class Perf>
const Perf* pick(const Perf* found, int count, std::optional<int> kept, std::size_t limit) {
  for (int i = 0; i < count; ++i) {
    const Perf& one = found[i];
    if (one.status != CUDNN_STATUS_SUCCESS || one.determinism != CUDNN_DETERMINISTIC || one.memory > limit) continue;
    if (!kept || static_cast<int>(one.algo) == *kept) return &one;
  }
  return nullptr;
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

template <class Search>
auto CudnnConvolution::choose(const std::string& name, Search search) {
  const auto [found, count] = search();
  const auto kept = context_.algorithms->find(name);
  const auto* chosen = pick(found.data(), count, kept, context_.workspace_limit);
  if (!chosen)
    throw CudaError(
        kept ? fmt::format(
                   "{}: this cuDNN doesn't offer algorithm {} that the checkpoint was made with; resume where it "
                   "was made, or start afresh",
                   name, *kept)
             : fmt::format("{}: cuDNN {} has no deterministic algorithm for this shape within {} bytes of workspace",
                           name, cudnnGetVersion(), context_.workspace_limit));
  context_.algorithms->keep(name, static_cast<int>(chosen->algo));
  bench_.reserve_workspace(chosen->memory);
  return chosen->algo;
}

CudnnConvolution::CudnnConvolution(const Context& context, Workbench& bench, const std::string& name,
                                   const ConvolutionShape& shape, bool training, bool input_gradient)
    : context_(context), bench_(bench), x_(nhwc(shape.batch, shape.input)), y_(nhwc(shape.batch, shape.output())) {
  cudnnFilterDescriptor_t filter{};
  SIDESTEP_CHECK(cudnnCreateFilterDescriptor(&filter));
  w_ = FilterDescriptor(filter);
  SIDESTEP_CHECK(cudnnSetFilter4dDescriptor(filter, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC, as_int(shape.filters),
                                            as_int(shape.input.channels), as_int(shape.kernel), as_int(shape.kernel)));
  cudnnConvolutionDescriptor_t convolution{};
  SIDESTEP_CHECK(cudnnCreateConvolutionDescriptor(&convolution));
  convolution_ = ConvolutionDescriptor(convolution);
  const int around = as_int(shape.kernel / 2), stride = as_int(shape.stride);
  SIDESTEP_CHECK(cudnnSetConvolution2dDescriptor(convolution, around, around, stride, stride, 1, 1,
                                                 CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT));
  // cuDNN's default math is TF32 wherever the device has it
  SIDESTEP_CHECK(cudnnSetConvolutionMathType(convolution, context.tf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH));

  int n = 0, c = 0, h = 0, w = 0;
  SIDESTEP_CHECK(cudnnGetConvolution2dForwardOutputDim(convolution, x_, w_, &n, &c, &h, &w));
  if (Shape{static_cast<std::size_t>(c), static_cast<std::size_t>(h), static_cast<std::size_t>(w)} != shape.output())
    throw CudaError(fmt::format("{}: cuDNN's output is {} x {} x {}, not the network's", name, c, h, w));

  forward_ = choose(fmt::format("{}.forward@{}", name, shape.batch), [&] {
    std::array<cudnnConvolutionFwdAlgoPerf_t, 8> found{};
    int count = 0;
    SIDESTEP_CHECK(
        cudnnGetConvolutionForwardAlgorithm_v7(context.cudnn, x_, w_, convolution_, y_, 8, &count, found.data()));
    return std::pair(found, count);
  });
  if (!training) return;
  backward_filter_ = choose(fmt::format("{}.backward_filter@{}", name, shape.batch), [&] {
    std::array<cudnnConvolutionBwdFilterAlgoPerf_t, 8> found{};
    int count = 0;
    SIDESTEP_CHECK(cudnnGetConvolutionBackwardFilterAlgorithm_v7(context.cudnn, x_, y_, convolution_, w_, 8, &count,
                                                                 found.data()));
    return std::pair(found, count);
  });
  if (!input_gradient) return;
  backward_data_ = choose(fmt::format("{}.backward_data@{}", name, shape.batch), [&] {
    std::array<cudnnConvolutionBwdDataAlgoPerf_t, 8> found{};
    int count = 0;
    SIDESTEP_CHECK(
        cudnnGetConvolutionBackwardDataAlgorithm_v7(context.cudnn, w_, y_, convolution_, x_, 8, &count, found.data()));
    return std::pair(found, count);
  });
}

void CudnnConvolution::forward(const float* x, const float* w, float* y) const {
  SIDESTEP_CHECK(cudnnConvolutionForward(context_.cudnn, &one, x_, x, w_, w, convolution_, forward_, bench_.workspace(),
                                         bench_.workspace_bytes(), &zero, y_, y));
}

void CudnnConvolution::backward_filter(const float* x, const float* dy, float* dw) const {
  SIDESTEP_CHECK(cudnnConvolutionBackwardFilter(context_.cudnn, &one, x_, x, y_, dy, convolution_, backward_filter_,
                                                bench_.workspace(), bench_.workspace_bytes(), &zero, w_, dw));
}

void CudnnConvolution::backward_data(const float* w, const float* dy, float* dx) const {
  SIDESTEP_CHECK(cudnnConvolutionBackwardData(context_.cudnn, &one, w_, w, y_, dy, convolution_, backward_data_,
                                              bench_.workspace(), bench_.workspace_bytes(), &zero, x_, dx));
}

}  // namespace sidestep::kernels::cuda
