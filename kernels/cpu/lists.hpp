#pragma once

#include <cstddef>
#include <cstdint>

#include <sidestep/kernels/cpu/hand/table.hpp>

namespace sidestep::kernels::cpu {

/// Copies a sample [height][width][channels] into a frame of zeros, two wide.
void pad(const ConvolutionShape& shape, const float* sample, float* padded);

/// Takes it out again.
void unpad(const ConvolutionShape& shape, const float* padded, float* sample);

/// The gradients of one sample that max-pool let through, listed by filter (for the weight gradient) and by window and
/// position (for the data gradient). Lies in memory of the caller's, floats(shape) long.
struct Lists {
  Lists(const ConvolutionShape& shape, float* memory);
  static std::size_t floats(const ConvolutionShape& shape);

  /// gradient, choice: [height / 2][width / 2][filters]
  void build_by_filter(const float* gradient, const std::uint8_t* choice);
  void build_by_window(const float* gradient, const std::uint8_t* choice);

  ConvolutionShape shape;
  Entry* by_filter;             ///< [filters][windows]
  std::int32_t* filter_counts;  ///< [filters]
  Entry* by_window;             ///< [windows][4][filters], and a place for the dead
  std::int32_t* window_counts;  ///< [windows][4]
};

}  // namespace sidestep::kernels::cpu
