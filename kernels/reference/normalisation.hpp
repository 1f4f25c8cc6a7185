#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include <sidestep/kernels/network.hpp>

namespace sidestep::kernels::reference {

template <class Real>
using Rows = std::vector<std::vector<Real>>;  ///< one a sample, in the order channel, row, column

/// Mean and biased variance of each channel over a batch.
template <class Real>
struct Statistics {
  std::vector<Real> mean, variance;
  std::size_t count = 0;  ///< values a channel
};

template <class Real>
Statistics<Real> statistics(const Shape& shape, const Rows<Real>& input) {
  const std::size_t plane = shape.height * shape.width;
  Statistics<Real> found{std::vector<Real>(shape.channels), std::vector<Real>(shape.channels), input.size() * plane};
  const auto n = static_cast<Real>(found.count);
  for (const auto& row : input)
    for (std::size_t i = 0; i < row.size(); ++i) found.mean[i / plane] += row[i] / n;
  for (const auto& row : input)
    for (std::size_t i = 0; i < row.size(); ++i) {
      const Real difference = row[i] - found.mean[i / plane];
      found.variance[i / plane] += difference * difference / n;
    }
  return found;
}

/// y = weight (x - mean) / sqrt(variance + epsilon) + bias
template <class Real>
Rows<Real> normalisation_forward(const Shape& shape, const Rows<Real>& input, const Statistics<Real>& s,
                                 const std::vector<Real>& weight, const std::vector<Real>& bias) {
  const std::size_t plane = shape.height * shape.width;
  Rows<Real> output = input;
  for (auto& row : output)
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::size_t c = i / plane;
      row[i] = weight[c] * (row[i] - s.mean[c]) / std::sqrt(s.variance[c] + static_cast<Real>(norm_epsilon)) + bias[c];
    }
  return output;
}

/// Yields the input's gradient, and adds to those of weight and bias. The statistics are the input's own: with h = (x -
/// mean) / sqrt(variance + epsilon), n values a channel and g the output's gradient (Ioffe and Szegedy, 2015, 3),
///   input gradient = weight / sqrt(variance + epsilon) (g - mean of g - h mean of (g h))
template <class Real>
Rows<Real> normalisation_backward(const Shape& shape, const Rows<Real>& input, const Statistics<Real>& s,
                                  const std::vector<Real>& weight, const Rows<Real>& gradient,
                                  std::vector<Real>& weight_gradient, std::vector<Real>& bias_gradient) {
  const std::size_t plane = shape.height * shape.width;
  const auto n = static_cast<Real>(s.count);
  const auto deviation = [&](std::size_t c) { return std::sqrt(s.variance[c] + static_cast<Real>(norm_epsilon)); };
  std::vector<Real> sum(shape.channels), products(shape.channels);
  for (std::size_t r = 0; r < input.size(); ++r)
    for (std::size_t i = 0; i < input[r].size(); ++i) {
      const std::size_t c = i / plane;
      sum[c] += gradient[r][i];
      products[c] += gradient[r][i] * (input[r][i] - s.mean[c]) / deviation(c);
    }
  for (std::size_t c = 0; c < shape.channels; ++c) weight_gradient[c] += products[c], bias_gradient[c] += sum[c];
  Rows<Real> below = gradient;
  for (std::size_t r = 0; r < input.size(); ++r)
    for (std::size_t i = 0; i < input[r].size(); ++i) {
      const std::size_t c = i / plane;
      const Real h = (input[r][i] - s.mean[c]) / deviation(c);
      below[r][i] = weight[c] / deviation(c) * (gradient[r][i] - sum[c] / n - h * products[c] / n);
    }
  return below;
}

}  // namespace sidestep::kernels::reference
