#pragma once

#include <array>
#include <compare>

#include <sidestep/kernels/emulation/cudnn_types.hpp>

namespace sidestep::emulation::cudnn {

/// One of the three computations of a 2-d convolution, with the layouts in which the caller's memory lies.
struct ConvolutionProblem {
  enum class Kind : int { forward, data, filter };

  Kind kind;
  Sizes x, x_stride;
  Sizes w, w_stride;  ///< outputs, inputs, height, width
  Sizes y, y_stride;
  std::array<int, 2> pad, stride, dilation;

  std::strong_ordering operator<=>(const ConvolutionProblem&) const = default;
};

/// out = alpha result + beta out, by oneDNN on the calling thread alone, so that its additions have one order.
///
/// forward   first = x, second = w, out = y
/// data      first = dy, second = w, out = dx
/// filter    first = x, second = dy, out = dw
///
/// What oneDNN prepares for a problem (code, memory in between) is kept and used again.
void convolve(const ConvolutionProblem& problem, const float* first, const float* second, float* out,
              const Blend& blend);

}  // namespace sidestep::emulation::cudnn
