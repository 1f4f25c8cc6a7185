#pragma once

#include <cstddef>
#include <vector>

#include <sidestep/kernels/network.hpp>

namespace sidestep::kernels::reference {

/// A convolution with kernel / 2 zeros around, and nothing else.
struct ConvolutionSize {
  std::size_t filters, kernel, stride;

  Shape output(const Shape& in) const { return {filters, (in.height - 1) / stride + 1, (in.width - 1) / stride + 1}; }
};

/// Calls f(output, input, tap) for each product of the sum
///   output[o][y][x] = sum over c, dy, dx of input[c][y stride + dy - k/2][x stride + dx - k/2] * weight[o][c][dy][dx]
/// with the indices of its three parts.
template <class F>
void for_each_product(const ConvolutionSize& size, const Shape& in, F f) {
  const Shape out = size.output(in);
  const std::size_t k = size.kernel, half = k / 2;
  for (std::size_t o = 0; o < out.channels; ++o)
    for (std::size_t y = 0; y < out.height; ++y)
      for (std::size_t x = 0; x < out.width; ++x)
        for (std::size_t c = 0; c < in.channels; ++c)
          for (std::size_t dy = 0; dy < k; ++dy)
            for (std::size_t dx = 0; dx < k; ++dx) {
              const std::size_t iy = y * size.stride + dy, ix = x * size.stride + dx;  // plus half
              if (iy < half || iy >= in.height + half || ix < half || ix >= in.width + half) continue;
              f((o * out.height + y) * out.width + x, (c * in.height + iy - half) * in.width + ix - half,
                ((o * in.channels + c) * k + dy) * k + dx);
            }
}

template <class Real>
std::vector<Real> linear_convolution_forward(const ConvolutionSize& size, const Shape& in, const Real* input,
                                             const Real* weight) {
  std::vector<Real> output(size.output(in).size());
  for_each_product(size, in,
                   [&](std::size_t o, std::size_t i, std::size_t tap) { output[o] += input[i] * weight[tap]; });
  return output;
}

/// Adds to the gradients of weight and input.
template <class Real>
void linear_convolution_backward(const ConvolutionSize& size, const Shape& in, const Real* input, const Real* weight,
                                 const Real* output_gradient, Real* weight_gradient, Real* input_gradient) {
  for_each_product(size, in, [&](std::size_t o, std::size_t i, std::size_t tap) {
    weight_gradient[tap] += output_gradient[o] * input[i];
    input_gradient[i] += output_gradient[o] * weight[tap];
  });
}

}  // namespace sidestep::kernels::reference
