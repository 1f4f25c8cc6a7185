#include <sidestep/kernels/cuda/mean_pooling.hpp>

#include <sidestep/kernels/cuda/device.cuh>

namespace sidestep::kernels::cuda {
namespace {

// A thread a channel and sample; neighbours read neighbouring channels, so each step over the plane is one coalesced
// line a warp. 49 pixels and 64 channels in the models here: a few microseconds, bound by latency. At most 32
// registers.
__global__ void mean_of_plane(const float* x, std::uint32_t samples, std::uint32_t plane, std::uint32_t channels,
                              float* y) {
  const std::uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= samples * channels) return;
  const float* from = x + std::size_t{i / channels} * plane * channels + i % channels;
  float sum = 0.0f;
  for (std::uint32_t pixel = 0; pixel < plane; ++pixel) sum += from[std::size_t{pixel} * channels];
  y[i] = sum / static_cast<float>(plane);
}

// Four neighbouring values a thread, one 16-byte store; their channels wrap. The tail one by one. Bound by bandwidth.
// At most 30 registers: full occupancy.
__global__ void spread_over_plane(const float* dy, std::size_t count, std::uint32_t plane, std::uint32_t channels,
                                  float* dx) {
  const std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x, at = i * 4;
  if (at >= count) return;
  const float share = 1.0f / static_cast<float>(plane);
  const auto value = [&](std::size_t j) {
    const std::size_t sample = j / (std::size_t{plane} * channels);
    return __ldg(dy + sample * channels + j % channels) * share;
  };
  if (at + 4 <= count)
    reinterpret_cast<float4*>(dx)[i] = make_float4(value(at), value(at + 1), value(at + 2), value(at + 3));
  else
    for (std::size_t j = at; j < count; ++j) dx[j] = value(j);
}

}  // namespace

void mean_pooling(const float* x, std::uint32_t batch, std::uint32_t plane, std::uint32_t channels, float* y,
                  cudaStream_t stream, unsigned block) {
  launch(mean_of_plane, ceil_div(batch * channels, block), block, 0, stream, x, batch, plane, channels, y);
}

void mean_pooling_backward(const float* dy, std::uint32_t batch, std::uint32_t plane, std::uint32_t channels, float* dx,
                           cudaStream_t stream, unsigned block) {
  const std::size_t count = std::size_t{batch} * plane * channels;
  const auto grid = static_cast<unsigned>(ceil_div(ceil_div(count, std::size_t{4}), std::size_t{block}));
  launch(spread_over_plane, grid, block, 0, stream, dy, count, plane, channels, dx);
}

}  // namespace sidestep::kernels::cuda
