#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include <sidestep/kernels/cuda/block_size.hpp>

namespace sidestep::kernels::cuda {

/// A data set that lives on the device: images [count][channel][row][column] of bytes, labels [count].
struct DeviceImages {
  const std::uint8_t* images = nullptr;
  const std::uint8_t* labels = nullptr;
  std::uint32_t channels = 1;
  std::uint32_t plane = 1;  ///< height * width
  float scale = 1;          ///< 1 / (255 deviation)
  float shift = 0;          ///< -mean / deviation
};

/// Gathers a batch: rows[i] = images[sample i] * scale + shift in the order row, column, channel, and its label.
/// Formula: kernels/cpu/samples.cpp's normalise, (x / 255 - mean) / deviation as one multiply-add.
///
/// indices  [samples], or null: samples first, first + 1, ...
/// rows     [samples][plane][channels], 16-byte aligned
void normalise_input(const DeviceImages& data, const std::uint32_t* indices, std::uint32_t first, std::uint32_t samples,
                     float* rows, std::uint8_t* labels, cudaStream_t stream, unsigned block = usual_block(256));

}  // namespace sidestep::kernels::cuda
