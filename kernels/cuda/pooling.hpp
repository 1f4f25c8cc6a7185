#pragma once

#include <cstddef>

#include <sidestep/kernels/cuda/context.hpp>
#include <sidestep/kernels/network.hpp>

namespace sidestep::kernels::cuda {

/// 2x2 max-pooling with stride 2 by cuDNN, NHWC, in its deterministic mode.
class MaxPooling {
 public:
  MaxPooling(const Context& context, std::size_t batch, const Shape& input);

  void forward(const float* x, float* y) const;
  void backward(const float* x, const float* y, const float* dy, float* dx) const;

 private:
  const Context& context_;
  TensorDescriptor x_, y_;
  PoolingDescriptor pooling_;
};

}  // namespace sidestep::kernels::cuda
