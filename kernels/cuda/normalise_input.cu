#include <sidestep/kernels/cuda/normalise_input.hpp>

#include <sidestep/kernels/cuda/device.cuh>

namespace sidestep::kernels::cuda {
namespace {

__device__ __forceinline__ std::size_t sample_at(const std::uint32_t* indices, std::uint32_t first, std::uint32_t i) {
  return indices ? indices[i] : first + i;
}

__device__ __forceinline__ float4 normalised(unsigned word, float scale, float shift) {
  return make_float4(__fmaf_rn(static_cast<float>(word & 255u), scale, shift),
                     __fmaf_rn(static_cast<float>(word >> 8 & 255u), scale, shift),
                     __fmaf_rn(static_cast<float>(word >> 16 & 255u), scale, shift),
                     __fmaf_rn(static_cast<float>(word >> 24), scale, shift));
}

// One channel, images of a multiple of 16 bytes: 16 bytes in, four 16-byte stores out. Writes bound it (4 bytes out for
// each in). At most 32 registers: full occupancy.
__global__ void normalise_sixteen(DeviceImages data, const std::uint32_t* indices, std::uint32_t first,
                                  std::uint32_t samples, float* rows, std::uint8_t* labels) {
  const std::uint32_t a_row = data.plane / 16, at = blockIdx.x * blockDim.x + threadIdx.x;
  if (at < samples) labels[at] = data.labels[sample_at(indices, first, at)];
  if (at >= samples * a_row) return;
  const std::uint32_t row = at / a_row, part = at % a_row;
  const auto* image = reinterpret_cast<const uint4*>(data.images + sample_at(indices, first, row) * data.plane);
  const uint4 bytes = __ldg(image + part);
  auto* out = reinterpret_cast<float4*>(rows) + std::size_t{at} * 4;
  out[0] = normalised(bytes.x, data.scale, data.shift);
  out[1] = normalised(bytes.y, data.scale, data.shift);
  out[2] = normalised(bytes.z, data.scale, data.shift);
  out[3] = normalised(bytes.w, data.scale, data.shift);
}

// Any shape: one value a thread. Neighbouring threads write neighbouring floats. At most 16 registers.
__global__ void normalise_one(DeviceImages data, const std::uint32_t* indices, std::uint32_t first,
                              std::uint32_t samples, float* rows, std::uint8_t* labels) {
  const std::size_t a_row = std::size_t{data.plane} * data.channels;
  const std::size_t at = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (at < samples) labels[at] = data.labels[sample_at(indices, first, static_cast<std::uint32_t>(at))];
  if (at >= samples * a_row) return;
  const auto row = static_cast<std::uint32_t>(at / a_row), within = static_cast<std::uint32_t>(at % a_row);
  const std::uint32_t pixel = within / data.channels, channel = within % data.channels;
  const std::uint8_t byte =
      data.images[sample_at(indices, first, row) * a_row + std::size_t{channel} * data.plane + pixel];
  rows[at] = __fmaf_rn(static_cast<float>(byte), data.scale, data.shift);
}

}  // namespace

void normalise_input(const DeviceImages& data, const std::uint32_t* indices, std::uint32_t first, std::uint32_t samples,
                     float* rows, std::uint8_t* labels, cudaStream_t stream, unsigned block) {
  if (samples == 0) return;
  const bool wide =
      data.channels == 1 && data.plane % 16 == 0 && reinterpret_cast<std::uintptr_t>(data.images) % 16 == 0;
  const std::size_t a_row = wide ? data.plane / 16 : std::size_t{data.plane} * data.channels;
  const auto grid = static_cast<unsigned>(ceil_div(samples * a_row, std::size_t{block}));
  launch(wide ? normalise_sixteen : normalise_one, grid, block, 0, stream, data, indices, first, samples, rows, labels);
}

}  // namespace sidestep::kernels::cuda
