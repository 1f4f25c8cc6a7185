#pragma once

#include <cstddef>
#include <cstdint>

#include <sidestep/kernels/cpu/norm_kernels.hpp>
#include <sidestep/kernels/cpu/update.hpp>

namespace sidestep::kernels::cpu {

/// Channels are handled in blocks of this many, dense units in panels of as many.
inline constexpr std::size_t block = 16;

/// A 5x5 convolution with padding 2 of one sample, then ReLU and 2x2 max-pool. Sides are even, filters a multiple
/// of 16.
struct ConvolutionShape {
  std::size_t channels, height, width, filters;
};

/// A gradient that max-pool let through: where its weights or its inputs begin, in floats, and its value.
struct Entry {
  std::int32_t offset;
  float value;
};

/// Which of a pool window's four positions won (row * 2 + column), or `dead` if ReLU closed it.
inline constexpr std::uint8_t dead = 4;

/// How many rows of tiles Winograd takes at once of those that are left.
static inline std::size_t winograd_rows(std::size_t left) { return left < 3 ? left : 3; }
static inline std::size_t winograd_scratch_floats(const ConvolutionShape& s) {
  const std::size_t rows = winograd_rows(s.height / 2), tiles = rows * s.width / 2;
  return rows * 6 * (s.width + 4) * s.channels + 42 * (s.channels + s.filters) + 12 * tiles * s.filters;
}

/// The kernels of one instruction set. Arrays are rows of floats; see the file of each for its formula and layouts.
struct HandKernels {
  // direct.hpp: few input channels
  void (*direct_forward)(const ConvolutionShape&, const float* padded, const float* weights, const float* bias,
                         float* output, std::uint8_t* choice);
  void (*direct_weight_gradient)(const ConvolutionShape&, const float* padded, const Entry* lists,
                                 const std::int32_t* counts, float* weight_gradient, float* bias_gradient);
  // winograd.hpp: channels a multiple of 16
  void (*winograd_forward)(const ConvolutionShape&, const float* padded, const float* transformed, const float* bias,
                           float* output, std::uint8_t* choice, float* scratch);
  void (*winograd_weights)(const ConvolutionShape&, const float* weights, float* transformed, std::size_t filter_block,
                           float* scratch);
  // sparse.hpp: backward through the positions that max-pool let through, channels a multiple of 16
  void (*sparse_weight_gradient)(const ConvolutionShape&, const float* padded, const Entry* lists,
                                 const std::int32_t* counts, float* weight_gradient, float* bias_gradient);
  void (*sparse_data_gradient)(const ConvolutionShape&, const float* weights, const Entry* lists,
                               const std::int32_t* counts, float* padded_gradient);
  // dense.hpp
  void (*dense_forward)(std::size_t rows, std::size_t inputs, std::size_t panels, const float* input,
                        std::size_t input_pitch, const float* weights, const float* bias, bool relu, float* output,
                        std::size_t output_pitch);
  void (*dense_data_gradient)(std::size_t rows, std::size_t inputs, std::size_t panels, const float* output_gradient,
                              std::size_t output_pitch, const float* weights, float* input_gradient,
                              std::size_t input_pitch, float* scratch);
  void (*dense_weight_gradient)(std::size_t samples, std::size_t first, std::size_t count, std::size_t panels,
                                const float* input, std::size_t input_pitch, const float* output_gradient,
                                std::size_t output_pitch, float* gradient, float* scratch);
  // update.hpp
  void (*update)(const Update&, const float* gradients, std::size_t pitch, std::size_t count, float* weights,
                 float* first, float* second, std::size_t n);
  // norm.hpp
  NormKernels norm;
};

/// The tables, compiled for their instruction sets. Calling a kernel needs a CPU that has it; asking for a table does
/// not.
const HandKernels& avx2_kernels();
const HandKernels& avx512_kernels();

}  // namespace sidestep::kernels::cpu
