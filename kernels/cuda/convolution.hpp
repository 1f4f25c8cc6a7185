#pragma once

#include <cstddef>
#include <string>

#include <sidestep/kernels/cuda/context.hpp>
#include <sidestep/kernels/network.hpp>

namespace sidestep::kernels::cuda {

/// Sizes of a convolution over a batch.
struct ConvolutionShape {
  std::size_t batch = 1;
  Shape input;
  std::size_t filters = 1, kernel = 1, stride = 1;

  /// kernel / 2 zeros around.
  Shape output() const { return {filters, (input.height - 1) / stride + 1, (input.width - 1) / stride + 1}; }
};

/// A convolution of cuDNN's, all tensors and the filter NHWC (filter, row, column, channel), fp32 sums. Only algorithms
/// that cuDNN calls deterministic, if there is one within the workspace's limit; which one, Algorithms keeps.
class CudnnConvolution {
 public:
  /// `name` as in "conv1"; for messages and Algorithms. Backward algorithms are only looked for if training.
  CudnnConvolution(const Context& context, Workbench& bench, const std::string& name, const ConvolutionShape& shape,
                   bool training, bool input_gradient);

  void forward(const float* x, const float* w, float* y) const;
  void backward_filter(const float* x, const float* dy, float* dw) const;
  void backward_data(const float* w, const float* dy, float* dx) const;

 private:
  /// The arithmetic is chosen with the algorithm, and it is the descriptor's: so each direction has one of its own.
  template <class Algorithm>
  struct Direction {
    ConvolutionDescriptor convolution;
    Algorithm algorithm{};
  };
  template <class Row, class Algorithm, class MaxCount, class Search, class WorkspaceSize>
  void choose(const std::string& name, Direction<Algorithm>& direction, MaxCount max_count, Search search,
              WorkspaceSize workspace_size);

  const Context& context_;
  Workbench& bench_;
  TensorDescriptor x_, y_;
  FilterDescriptor w_;
  Direction<cudnnConvolutionFwdAlgo_t> forward_;
  Direction<cudnnConvolutionBwdFilterAlgo_t> backward_filter_;
  Direction<cudnnConvolutionBwdDataAlgo_t> backward_data_;
};

/// A descriptor of [batch, shape] in NHWC order.
TensorDescriptor nhwc(std::size_t batch, const Shape& shape);

}  // namespace sidestep::kernels::cuda
