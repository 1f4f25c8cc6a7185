#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include <sidestep/kernels/network.hpp>
#include <sidestep/kernels/reference/convolution.hpp>
#include <sidestep/kernels/reference/dense.hpp>
#include <sidestep/kernels/reference/softmax.hpp>

namespace sidestep::kernels::reference {

/// Loss and gradient of a whole network by definition: what every backend is compared with.
template <class Real>
struct NetworkPass {
  Real loss = 0;  ///< mean over the samples
  std::size_t correct = 0;
  std::vector<std::vector<Real>> gradients;  ///< one a parameter, in the order of kernels::parameters(spec)
};

/// parameters: values in the order of kernels::parameters(spec); samples: rows of spec.input.size() values
template <class Real>
NetworkPass<Real> network_pass(const NetworkSpec& spec, const std::vector<std::vector<Real>>& parameters,
                               const std::vector<std::vector<Real>>& samples, const std::vector<std::uint8_t>& labels) {
  const auto shapes = output_shapes(spec);
  NetworkPass<Real> result;
  for (const auto& p : parameters) result.gradients.emplace_back(p.size(), Real{0});
  const auto input_of = [&](std::size_t layer) { return layer ? shapes[layer - 1] : spec.input; };

  for (std::size_t n = 0; n < samples.size(); ++n) {
    std::vector<std::vector<Real>> activations{samples[n]};
    std::vector<ConvolutionPass<Real>> passes(spec.layers.size());
    for (std::size_t i = 0; i < spec.layers.size(); ++i) {
      const Real *in = activations[i].data(), *weight = parameters[2 * i].data(), *bias = parameters[2 * i + 1].data();
      if (const auto* convolution = std::get_if<Convolution>(&spec.layers[i])) {
        passes[i] = convolution_forward(*convolution, input_of(i), in, weight, bias);
        activations.push_back(passes[i].output);
      } else {
        activations.push_back(dense_forward(std::get<Dense>(spec.layers[i]), input_of(i).size(), in, weight, bias));
      }
    }
    auto row = softmax_cross_entropy(activations.back(), labels[n]);
    result.loss += row.loss / static_cast<Real>(samples.size());
    result.correct += row.correct;
    std::vector<Real> gradient = row.gradient;
    for (auto& g : gradient) g /= static_cast<Real>(samples.size());
    for (std::size_t i = spec.layers.size(); i-- > 0;) {
      std::vector<Real> below(activations[i].size());
      const Real *in = activations[i].data(), *weight = parameters[2 * i].data();
      Real *dw = result.gradients[2 * i].data(), *db = result.gradients[2 * i + 1].data();
      if (const auto* convolution = std::get_if<Convolution>(&spec.layers[i]))
        convolution_backward(*convolution, input_of(i), in, weight, passes[i], gradient.data(), dw, db, below.data());
      else
        dense_backward(std::get<Dense>(spec.layers[i]), input_of(i).size(), in, weight, activations[i + 1],
                       gradient.data(), dw, db, below.data());
      gradient = below;
    }
  }
  return result;
}

}  // namespace sidestep::kernels::reference
