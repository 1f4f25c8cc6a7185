#pragma once

#include <cstddef>

#include <sidestep/kernels/cuda/context.hpp>
#include <sidestep/kernels/network.hpp>

namespace sidestep::kernels::cuda {

/// Where a normalisation's tensors are, [channels] each. The running statistics have no gradient.
struct NormalisationTensors {
  const float* weight = nullptr;
  const float* bias = nullptr;
  float* running_mean = nullptr;
  float* running_variance = nullptr;
  float* weight_gradient = nullptr;
  float* bias_gradient = nullptr;
};

/// Batch normalisation over [batch, shape] by cuDNN, semantics of kernels/network.hpp. `saved` [2][channels] keeps the
/// batch's mean and inverse deviation for the backward pass.
class BatchNormalisation {
 public:
  BatchNormalisation(const Context& context, std::size_t batch, const Shape& shape);

  void train(const float* x, const NormalisationTensors& tensors, float* saved, float* y) const;
  void infer(const float* x, const NormalisationTensors& tensors, float* y) const;
  void backward(const float* x, const float* dy, const NormalisationTensors& tensors, const float* saved,
                float* dx) const;

 private:
  const Context& context_;
  std::size_t channels_;
  TensorDescriptor x_, channel_;
};

}  // namespace sidestep::kernels::cuda
