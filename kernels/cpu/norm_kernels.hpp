#pragma once

#include <cstddef>

namespace sidestep::kernels::cpu {

/// Batch normalisation's loops over one sample [pixels][channels]; what has one number a channel is [channels]. No
/// inline functions here: this header is included by files that are compiled for instruction sets that the running CPU
/// may lack.
struct NormKernels {
  /// sum = sum of x
  void (*sum)(std::size_t pixels, std::size_t channels, const float* x, float* sum);
  /// sum = sum of (x - mean)^2
  void (*squares)(std::size_t pixels, std::size_t channels, const float* x, const float* mean, float* sum);
  /// y = (x - mean) scale + bias + addend; then ReLU if asked for. Without addend: null.
  void (*apply)(std::size_t pixels, std::size_t channels, const float* x, const float* addend, const float* mean,
                const float* scale, const float* bias, bool relu, float* y);
  /// gradient <- 0 where y is not above 0 (y null: no ReLU); copy <- gradient, unless null;
  /// sum = sum of gradient, sum_of_products = sum of gradient (x - mean)
  void (*backward_sums)(std::size_t pixels, std::size_t channels, const float* x, const float* y, const float* mean,
                        float* gradient, float* copy, float* sum, float* sum_of_products);
  /// x_gradient = scale gradient - shift - slope (x - mean); x_gradient may be gradient
  void (*backward)(std::size_t pixels, std::size_t channels, const float* x, const float* mean, const float* scale,
                   const float* shift, const float* slope, const float* gradient, float* x_gradient);
};

/// For any CPU.
const NormKernels& portable_norm_kernels();

}  // namespace sidestep::kernels::cpu
