#include <sidestep/kernels/cuda/softmax_cross_entropy.hpp>

#include <sidestep/kernels/cuda/reduce.cuh>

namespace sidestep::kernels::cuda {
namespace {

constexpr std::uint32_t rows_a_block = 8;

struct Largest {
  float value;
  std::uint32_t at;
};

/// Of the warp's values the largest, and of equal ones the first.
__device__ __forceinline__ Largest warp_largest(Largest mine) {
  for (unsigned offset = warp / 2; offset > 0; offset /= 2) {
    const float value = __shfl_xor_sync(whole_warp, mine.value, static_cast<int>(offset));
    const std::uint32_t at = __shfl_xor_sync(whole_warp, mine.at, static_cast<int>(offset));
    if (value > mine.value || (value == mine.value && at < mine.at)) mine = {value, at};
  }
  return mine;
}

// A warp a row, lanes over the classes. A batch is a few kilobytes, so this is latency: three butterflies a row, 8
// rows a block in as many warps as the block has. At most 40 registers (sm_100; 30 before).
__global__ void softmax_rows(const float* logits, const std::uint8_t* labels, std::uint32_t rows, std::uint32_t classes,
                             float* gradient, float scale, LossPart* parts) {
  SHARED(LossPart, of_rows, rows_a_block);
  const std::uint32_t lane = threadIdx.x % warp, warps = blockDim.x / warp;
  for (std::uint32_t r = threadIdx.x / warp; r < rows_a_block; r += warps) {
    const std::uint32_t row = blockIdx.x * rows_a_block + r;
    if (row >= rows) {
      if (lane == 0) of_rows[r] = LossPart{};
      continue;
    }
    const float* x = logits + std::size_t{row} * classes;
    const std::uint32_t label = labels[row];
    Largest best{x[lane < classes ? lane : 0], lane < classes ? lane : 0};
    for (std::uint32_t c = lane + warp; c < classes; c += warp)
      if (x[c] > best.value) best = {x[c], c};
    best = warp_largest(best);
    float total = 0.0f;
    for (std::uint32_t c = lane; c < classes; c += warp) total += expf(x[c] - best.value);
    total = warp_sum(total);
    if (gradient) {
      const float factor = scale / total;
      for (std::uint32_t c = lane; c < classes; c += warp)
        gradient[std::size_t{row} * classes + c] = factor * expf(x[c] - best.value) - (c == label ? scale : 0.0f);
    }
    if (lane == 0)
      of_rows[r] = {static_cast<double>(logf(total) - (x[label] - best.value)), best.at == label ? 1u : 0u, 0u};
  }
  __syncthreads();
  if (threadIdx.x != 0) return;
  LossPart sum{};
  for (std::uint32_t r = 0; r < rows_a_block; ++r) {
    sum.loss += of_rows[r].loss;
    sum.correct += of_rows[r].correct;
  }
  parts[blockIdx.x] = sum;
}

}  // namespace

std::uint32_t loss_parts(std::uint32_t rows) { return ceil_div(rows, rows_a_block); }

void softmax_cross_entropy(const float* logits, const std::uint8_t* labels, std::uint32_t rows, std::uint32_t classes,
                           float* gradient, LossPart* parts, cudaStream_t stream, unsigned block) {
  launch(softmax_rows, loss_parts(rows), block, 0, stream, logits, labels, rows, classes, gradient,
         1.0f / static_cast<float>(rows), parts);
}

}  // namespace sidestep::kernels::cuda
