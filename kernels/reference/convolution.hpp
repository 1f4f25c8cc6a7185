#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <sidestep/kernels/network.hpp>

namespace sidestep::kernels::reference {

/// What a convolution layer makes of one sample, written down as its definition: same-size convolution, ReLU, 2x2
/// max-pool. Real is float or double; arrays are in the layouts of ParameterInfo (channel, row, column).
template <class Real>
struct ConvolutionPass {
  std::vector<Real> output;         ///< [filters][height / 2][width / 2]
  std::vector<std::size_t> winner;  ///< for each output the index in [filters][height][width] that won its window
};

/// before[o][y][x] = bias[o] + sum over c, dy, dx of input[c][y + dy - k/2][x + dx - k/2] * weight[o][c][dy][dx], zero
/// outside output[o][Y][X] = max(0, max over the window of before); the first of equals wins
template <class Real>
ConvolutionPass<Real> convolution_forward(const Convolution& layer, const Shape& in, const Real* input,
                                          const Real* weight, const Real* bias) {
  const auto k = static_cast<std::ptrdiff_t>(layer.kernel);
  const auto height = static_cast<std::ptrdiff_t>(in.height), width = static_cast<std::ptrdiff_t>(in.width);
  const auto channels = static_cast<std::ptrdiff_t>(in.channels);
  const auto before = [&](std::ptrdiff_t o, std::ptrdiff_t y, std::ptrdiff_t x) {
    Real sum = bias[o];
    for (std::ptrdiff_t c = 0; c < channels; ++c)
      for (std::ptrdiff_t dy = 0; dy < k; ++dy)
        for (std::ptrdiff_t dx = 0; dx < k; ++dx) {
          const auto iy = y + dy - k / 2, ix = x + dx - k / 2;
          if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
          sum += input[(c * height + iy) * width + ix] * weight[((o * channels + c) * k + dy) * k + dx];
        }
    return sum;
  };
  ConvolutionPass<Real> pass;
  for (std::ptrdiff_t o = 0; o < static_cast<std::ptrdiff_t>(layer.filters); ++o)
    for (std::ptrdiff_t y = 0; y < height; y += 2)
      for (std::ptrdiff_t x = 0; x < width; x += 2) {
        Real best = before(o, y, x);
        std::ptrdiff_t at = (o * height + y) * width + x;
        for (const auto& [dy, dx] : {std::pair{0, 1}, std::pair{1, 0}, std::pair{1, 1}}) {
          const Real value = before(o, y + dy, x + dx);
          if (value > best) best = value, at = (o * height + y + dy) * width + x + dx;
        }
        pass.output.push_back(best > 0 ? best : 0);
        pass.winner.push_back(static_cast<std::size_t>(at));
      }
  return pass;
}

/// Adds to the gradients of weight, bias and (unless null) input what output_gradient, shaped as the output, sends
/// back: each goes through the window's winner, if ReLU was open there.
template <class Real>
void convolution_backward(const Convolution& layer, const Shape& in, const Real* input, const Real* weight,
                          const ConvolutionPass<Real>& pass, const Real* output_gradient, Real* weight_gradient,
                          Real* bias_gradient, Real* input_gradient) {
  const auto k = static_cast<std::ptrdiff_t>(layer.kernel);
  const auto height = static_cast<std::ptrdiff_t>(in.height), width = static_cast<std::ptrdiff_t>(in.width);
  const auto channels = static_cast<std::ptrdiff_t>(in.channels);
  for (std::size_t i = 0; i < pass.output.size(); ++i) {
    if (!(pass.output[i] > 0)) continue;
    const Real g = output_gradient[i];
    const auto at = static_cast<std::ptrdiff_t>(pass.winner[i]);
    const auto o = at / (height * width), y = at / width % height, x = at % width;
    bias_gradient[o] += g;
    for (std::ptrdiff_t c = 0; c < channels; ++c)
      for (std::ptrdiff_t dy = 0; dy < k; ++dy)
        for (std::ptrdiff_t dx = 0; dx < k; ++dx) {
          const auto iy = y + dy - k / 2, ix = x + dx - k / 2;
          if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
          const auto from = (c * height + iy) * width + ix, tap = ((o * channels + c) * k + dy) * k + dx;
          weight_gradient[tap] += g * input[from];
          if (input_gradient) input_gradient[from] += g * weight[tap];
        }
  }
}

}  // namespace sidestep::kernels::reference
