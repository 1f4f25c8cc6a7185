#include <sidestep/kernels/cuda/bias_gradient.hpp>

#include <sidestep/kernels/cuda/reduce.cuh>

namespace sidestep::kernels::cuda {
namespace {

constexpr std::size_t rows_a_part = 256;
constexpr unsigned most_parts = 512;

struct Float1 {
  float x;
};

__device__ __forceinline__ void mask(float4& g, const float4& y) {
  g.x = y.x > 0.0f ? g.x : 0.0f;
  g.y = y.y > 0.0f ? g.y : 0.0f;
  g.z = y.z > 0.0f ? g.z : 0.0f;
  g.w = y.w > 0.0f ? g.w : 0.0f;
}
__device__ __forceinline__ void mask(Float1& g, const Float1& y) { g.x = y.x > 0.0f ? g.x : 0.0f; }
__device__ __forceinline__ void add(float4& sum, const float4& g) {
  sum.x += g.x;
  sum.y += g.y;
  sum.z += g.z;
  sum.w += g.w;
}
__device__ __forceinline__ void add(Float1& sum, const Float1& g) { sum.x += g.x; }

// A block takes some rows and up to blockDim.x vectors of columns; a thread always the same vector, and every n-th of
// the rows. Then the threads of one vector are added in the order of their rows. Reads y and gradient once and writes
// gradient once: bound by bandwidth. At most 32 registers, and 16 bytes of shared memory a thread: full occupancy.
template <class Vector, bool Relu>
__global__ void mask_and_add(const Vector* y, Vector* gradient, std::size_t rows, unsigned vectors, Vector* parts) {
  DYNAMIC_SHARED(Vector, sums);
  const unsigned tile = min(vectors, blockDim.x), lanes = blockDim.x / tile;
  const unsigned lane = threadIdx.x / tile, column = blockIdx.y * tile + threadIdx.x % tile;
  const std::size_t share = ceil_div(rows, std::size_t{gridDim.x});
  const std::size_t end = min(rows, (blockIdx.x + 1) * share);
  Vector sum{};
  if (lane < lanes && column < vectors) {
    for (std::size_t row = blockIdx.x * share + lane; row < end; row += lanes) {
      Vector g = gradient[row * vectors + column];
      if constexpr (Relu) {
        mask(g, y[row * vectors + column]);
        gradient[row * vectors + column] = g;
      }
      add(sum, g);
    }
  }
  sums[threadIdx.x] = sum;
  if (!PLANTED(bias_gradient_no_barrier)) __syncthreads();
  if (lane != 0 || column >= vectors) return;
  for (unsigned other = 1; other < lanes; ++other) add(sum, sums[other * tile + threadIdx.x]);
  parts[std::size_t{blockIdx.x} * vectors + column] = sum;
}

// A warp a column: lanes stride over the parts, then a butterfly. A few kilobytes, so latency is all it costs. At most
// 32 registers.
__global__ void add_parts(const float* parts, unsigned count, unsigned columns, float* out) {
  const unsigned column = (blockIdx.x * blockDim.x + threadIdx.x) / warp, lane = threadIdx.x % warp;
  if (column >= columns) return;
  float sum = 0.0f;
  for (unsigned part = lane; part < count; part += warp) sum += parts[std::size_t{part} * columns + column];
  sum = warp_sum(sum);
  if (lane == 0) out[column] = sum;
}

template <class Vector>
void launch_mask_and_add(const float* y, float* gradient, std::size_t rows, unsigned vectors, unsigned grid,
                         float* parts, cudaStream_t stream, unsigned block) {
  const unsigned tile = vectors < block ? vectors : block;
  launch(y ? mask_and_add<Vector, true> : mask_and_add<Vector, false>, dim3(grid, ceil_div(vectors, tile)), block,
         block * sizeof(Vector), stream, reinterpret_cast<const Vector*>(y), reinterpret_cast<Vector*>(gradient), rows,
         vectors, reinterpret_cast<Vector*>(parts));
}

}  // namespace

unsigned bias_gradient_parts(std::size_t rows) {
  const std::size_t parts = ceil_div(rows, rows_a_part);
  return parts < most_parts ? static_cast<unsigned>(parts) : most_parts;
}

void bias_gradient(const float* y, float* gradient, std::size_t rows, unsigned columns, float* bias_gradient,
                   float* parts, cudaStream_t stream, unsigned block) {
  const unsigned grid = bias_gradient_parts(rows);
  if (columns % 4 == 0)
    launch_mask_and_add<float4>(y, gradient, rows, columns / 4, grid, parts, stream, block);
  else
    launch_mask_and_add<Float1>(y, gradient, rows, columns, grid, parts, stream, block);
  launch(add_parts, ceil_div(columns, block / warp), block, 0, stream, parts, grid, columns, bias_gradient);
}

}  // namespace sidestep::kernels::cuda
