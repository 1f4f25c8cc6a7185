#include <sidestep/kernels/cuda/elementwise.hpp>

#include <sidestep/kernels/cuda/device.cuh>

namespace sidestep::kernels::cuda {
namespace {

struct Relu {
  static __device__ __forceinline__ float of(float a, float) { return a > 0.0f ? a : 0.0f; }
};
struct AddRelu {
  static __device__ __forceinline__ float of(float a, float b) { return Relu::of(a + b, 0.0f); }
};
struct Masked {
  static __device__ __forceinline__ float of(float y, float g) { return y > 0.0f ? g : 0.0f; }
};
struct Add {
  static __device__ __forceinline__ float of(float a, float b) { return a + b; }
};

// out[i] = F(a[i], b[i]), a float4 a thread, the last thread takes the tail. Two loads and a store of 16 bytes:
// bound by bandwidth. At most 24 registers: full occupancy. Not __restrict__: out may be an input.
template <class F, bool Two>
__global__ void each(const float* a, const float* b, float* out, std::size_t count) {
  const std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x, at = i * 4;
  if (at >= count) return;
  if (at + 4 <= count) {
    const float4 x = reinterpret_cast<const float4*>(a)[i];
    const float4 y = Two ? reinterpret_cast<const float4*>(b)[i] : float4{};
    reinterpret_cast<float4*>(out)[i] = make_float4(F::of(x.x, y.x), F::of(x.y, y.y), F::of(x.z, y.z), F::of(x.w, y.w));
  } else {
    for (std::size_t j = at; j < count; ++j) out[j] = F::of(a[j], Two ? b[j] : 0.0f);
  }
}

template <class F, bool Two>
void launch_each(const float* a, const float* b, float* out, std::size_t count, On on, unsigned block) {
  if (count == 0) return;
  const auto grid = static_cast<unsigned>(ceil_div(ceil_div(count, std::size_t{4}), std::size_t{block}));
  launch(each<F, Two>, grid, block, 0, on, a, b, out, count);
}

}  // namespace

void relu(float* x, std::size_t count, cudaStream_t stream, unsigned block) {
  launch_each<Relu, false>(x, nullptr, x, count, stream, block);
}

void add_relu(const float* a, const float* b, float* out, std::size_t count, cudaStream_t stream, unsigned block) {
  launch_each<AddRelu, true>(a, b, out, count, stream, block);
}

void relu_backward(const float* y, float* gradient, std::size_t count, cudaStream_t stream, unsigned block) {
  launch_each<Masked, true>(y, gradient, gradient, count, stream, block);
}

void add(const float* a, const float* b, float* out, std::size_t count, cudaStream_t stream, unsigned block) {
  launch_each<Add, true>(a, b, out, count, stream, block);
}

}  // namespace sidestep::kernels::cuda
