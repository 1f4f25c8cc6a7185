#include <sidestep/kernels/cuda/bias_activation.hpp>

#include <sidestep/kernels/cuda/device.cuh>

namespace sidestep::kernels::cuda {
namespace {

template <bool Relu>
__device__ __forceinline__ float activated(float x) {
  return Relu ? (x > 0.0f ? x : 0.0f) : x;
}

// Columns a multiple of 4: a float4 lies within one row, and its biases are a float4 too. One load and one store a
// thread: bound by bandwidth. At most 18 registers: full occupancy.
template <bool Relu>
__global__ void bias_by_four(float4* x, const float4* bias, std::size_t count, unsigned columns) {
  const std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= count) return;
  const float4 b = __ldg(bias + i % columns);
  float4 v = x[i];
  v.x = activated<Relu>(v.x + b.x);
  v.y = activated<Relu>(v.y + b.y);
  v.z = activated<Relu>(v.z + b.z);
  v.w = activated<Relu>(v.w + b.w);
  x[i] = v;
}

// Any number of columns: still a float4 a thread, whose columns wrap; the last threads take the tail one by one. At
// most 32 registers: full occupancy.
template <bool Relu>
__global__ void bias_wrapping(float* x, const float* bias, std::size_t count, unsigned columns) {
  const std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x, at = i * 4;
  if (at >= count) return;
  auto column = static_cast<unsigned>(at % columns);
  const auto next = [&](float value) {
    const float sum = value + __ldg(bias + column);
    column = column + 1 == columns ? 0 : column + 1;
    return activated<Relu>(sum);
  };
  if (at + 4 <= count) {
    float4 v = reinterpret_cast<float4*>(x)[i];
    v.x = next(v.x);
    v.y = next(v.y);
    v.z = next(v.z);
    v.w = next(v.w);
    reinterpret_cast<float4*>(x)[i] = v;
  } else {
    for (std::size_t j = at; j < count; ++j) x[j] = next(x[j]);
  }
}

}  // namespace

void bias_activation(float* x, const float* bias, std::size_t rows, unsigned columns, bool relu, cudaStream_t stream,
                     unsigned block) {
  const std::size_t count = rows * columns;
  if (count == 0) return;
  const auto grid = static_cast<unsigned>(ceil_div(ceil_div(count, std::size_t{4}), std::size_t{block}));
  if (columns % 4 == 0)
    launch(relu ? bias_by_four<true> : bias_by_four<false>, grid, block, 0, stream, reinterpret_cast<float4*>(x),
           reinterpret_cast<const float4*>(bias), count / 4, columns / 4);
  else
    launch(relu ? bias_wrapping<true> : bias_wrapping<false>, grid, block, 0, stream, x, bias, count, columns);
}

}  // namespace sidestep::kernels::cuda
