#pragma once

#include <cstddef>
#include <vector>

#include <sidestep/kernels/network.hpp>

namespace sidestep::kernels::reference {

/// output[u] = bias[u] + sum over i of weight[u][i] * input[i], then ReLU if the layer has it
template <class Real>
std::vector<Real> dense_forward(const Dense& layer, std::size_t inputs, const Real* input, const Real* weight,
                                const Real* bias) {
  std::vector<Real> output(bias, bias + layer.units);
  for (std::size_t u = 0; u < layer.units; ++u) {
    for (std::size_t i = 0; i < inputs; ++i) output[u] += weight[u * inputs + i] * input[i];
    if (layer.relu && !(output[u] > 0)) output[u] = 0;
  }
  return output;
}

/// Adds to the gradients of weight, bias and (unless null) input.
template <class Real>
void dense_backward(const Dense& layer, std::size_t inputs, const Real* input, const Real* weight,
                    const std::vector<Real>& output, const Real* output_gradient, Real* weight_gradient,
                    Real* bias_gradient, Real* input_gradient) {
  for (std::size_t u = 0; u < layer.units; ++u) {
    if (layer.relu && !(output[u] > 0)) continue;
    const Real g = output_gradient[u];
    bias_gradient[u] += g;
    for (std::size_t i = 0; i < inputs; ++i) {
      weight_gradient[u * inputs + i] += g * input[i];
      if (input_gradient) input_gradient[i] += g * weight[u * inputs + i];
    }
  }
}

}  // namespace sidestep::kernels::reference
