#include <sidestep/kernels/cuda/dropout.hpp>

#include <sidestep/kernels/cuda/device.cuh>
#include <sidestep/kernels/dropout.hpp>

namespace sidestep::kernels::cuda {
namespace {

// One call of Philox serves the four values of a float4: about 80 integer operations for 32 bytes moved, so bandwidth
// still bounds it on sm_80 and later. At most 26 registers: full occupancy.
__global__ void drop(const float* in, float* out, std::size_t count, float rate, std::uint32_t layer,
                     const DeviceStep* step) {
  const std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x, at = i * 4;
  if (at >= count) return;
  const Words4 words = dropout_words(i, layer, static_cast<std::uint32_t>(step->now.step), step->now.seed);
  const float4 f = make_float4(dropout_factor(words.x, rate), dropout_factor(words.y, rate),
                               dropout_factor(words.z, rate), dropout_factor(words.w, rate));
  if (at + 4 <= count) {
    float4 v = reinterpret_cast<const float4*>(in)[i];
    v.x *= f.x;
    v.y *= f.y;
    v.z *= f.z;
    v.w *= f.w;
    reinterpret_cast<float4*>(out)[i] = v;
  } else {
    out[at] = in[at] * f.x;
    if (at + 1 < count) out[at + 1] = in[at + 1] * f.y;
    if (at + 2 < count) out[at + 2] = in[at + 2] * f.z;
  }
}

}  // namespace

void dropout(const float* in, float* out, std::size_t count, float rate, std::uint32_t layer, const DeviceStep* step,
             cudaStream_t stream, unsigned block) {
  if (count == 0) return;
  const auto grid = static_cast<unsigned>(ceil_div(ceil_div(count, std::size_t{4}), std::size_t{block}));
  launch(drop, grid, block, 0, stream, in, out, count, rate, layer, step);
}

}  // namespace sidestep::kernels::cuda
