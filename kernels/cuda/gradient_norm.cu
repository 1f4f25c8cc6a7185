#include <sidestep/kernels/cuda/gradient_norm.hpp>

#include <sidestep/kernels/cuda/reduce.cuh>

namespace sidestep::kernels::cuda {
namespace {

constexpr std::size_t values_a_part = 4096;
constexpr std::uint32_t most_norm_parts = 512;

// Each block a contiguous share, a float4 a thread and turn. Bound by bandwidth. At most 32 registers: full
// occupancy.
__global__ void add_squares(const float* gradients, std::size_t count, double* parts) {
  SHARED(double, of_warps, warp);
  const std::size_t vectors = count / 4, share = ceil_div(vectors, std::size_t{gridDim.x});
  const std::size_t end = min(vectors, (blockIdx.x + 1) * share);
  const auto* wide = reinterpret_cast<const float4*>(gradients);
  double sum = 0;
  for (std::size_t i = blockIdx.x * share + threadIdx.x; i < end; i += blockDim.x) {
    const float4 g = __ldg(wide + i);
    sum += static_cast<double>(g.x * g.x + g.y * g.y) + static_cast<double>(g.z * g.z + g.w * g.w);
  }
  const std::size_t tail = vectors * 4 + threadIdx.x;
  if (blockIdx.x == gridDim.x - 1 && tail < count) sum += static_cast<double>(gradients[tail] * gradients[tail]);
  sum = block_sum(sum, of_warps);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

}  // namespace

std::uint32_t square_parts(std::size_t count) {
  const std::size_t parts = ceil_div(count, values_a_part);
  return parts < most_norm_parts ? static_cast<std::uint32_t>(parts) : most_norm_parts;
}

void gradient_squares(const float* gradients, std::size_t count, double* parts, cudaStream_t stream, unsigned block) {
  launch(add_squares, square_parts(count), block, 0, stream, gradients, count, parts);
}

}  // namespace sidestep::kernels::cuda
