#include <sidestep/kernels/cuda/optimizer_step.hpp>

#include <cmath>

#include <sidestep/kernels/cuda/reduce.cuh>

namespace sidestep::kernels::cuda {
namespace {

/// What all parameters share in this step; one thread works it out, in double precision, for its block.
struct AdamWNumbers {
  float rate, keep, one_minus_beta1, beta2, one_minus_beta2, second_scale, epsilon;
};
struct AdamWRule {
  using Numbers = AdamWNumbers;
  static constexpr bool two_moments = true;
  double log_beta1, log_beta2, weight_decay;
  float one_minus_beta1, beta2, one_minus_beta2, epsilon;

  /// 1 - beta^t = -expm1(t log beta)
  __device__ Numbers numbers(const StepParameters& now) const {
    const auto t = static_cast<double>(now.step);
    return {static_cast<float>(now.learning_rate / -expm1(t * log_beta1)),
            static_cast<float>(1.0 - now.learning_rate * weight_decay),
            one_minus_beta1,
            beta2,
            one_minus_beta2,
            static_cast<float>(1.0 / sqrt(-expm1(t * log_beta2))),
            epsilon};
  }
  static __device__ __forceinline__ void apply(const Numbers& n, float g, float& w, float& m, float& v) {
    m += n.one_minus_beta1 * (g - m);
    v = n.beta2 * v + n.one_minus_beta2 * g * g;
    w = w * n.keep - n.rate * m / (sqrtf(v) * n.second_scale + n.epsilon);
  }
};

struct SgdNumbers {
  float rate, decay, momentum;
  bool nesterov;
};
struct SgdRule {
  using Numbers = SgdNumbers;
  static constexpr bool two_moments = false;
  float decay, momentum;
  bool nesterov;

  __device__ Numbers numbers(const StepParameters& now) const {
    return {static_cast<float>(now.learning_rate), decay, momentum, nesterov};
  }
  static __device__ __forceinline__ void apply(const Numbers& n, float g, float& w, float& b, float&) {
    g += n.decay * w;
    b = n.momentum * b + g;
    w -= n.rate * (n.nesterov ? g + n.momentum * b : b);
  }
};

template <class Numbers>
struct Shared {
  Numbers numbers;
  float clip;
};

// A float4 a thread of each array: 4 loads and 3 stores of 16 bytes for AdamW, all independent, so bandwidth bounds it.
// At most 43 registers (AdamW on sm_90; SGD has 28): 5 blocks of 256 threads a multiprocessor. The parts of the norm
// are some kilobytes, from L2.
template <class Rule>
__global__ void update_all(Rule rule, float* weights, const float* gradients, float* first, float* second,
                           std::size_t count, const DeviceStep* step, const double* squares, std::uint32_t square_count,
                           float clip_norm) {
  SHARED(double, of_warps, warp);
  SHARED(Shared<typename Rule::Numbers>, shared, 1);
  double square = 0;
  if (clip_norm > 0.0f)
    for (std::uint32_t i = threadIdx.x; i < square_count; i += blockDim.x) square += squares[i];
  square = block_sum(square, of_warps);
  if (threadIdx.x == 0) {
    shared[0].numbers = rule.numbers(step->now);
    const float scale = clip_norm / (static_cast<float>(sqrt(square)) + 1e-6f);
    shared[0].clip = clip_norm > 0.0f && scale < 1.0f ? scale : 1.0f;
  }
  __syncthreads();
  const auto numbers = shared[0].numbers;
  const float clip = shared[0].clip;

  const std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x, at = i * 4;
  if (at >= count) return;
  if (at + 4 <= count) {
    const float4 g = __ldg(reinterpret_cast<const float4*>(gradients) + i);
    float4 w = reinterpret_cast<float4*>(weights)[i];
    float4 m = reinterpret_cast<float4*>(first)[i];
    float4 v = Rule::two_moments ? reinterpret_cast<float4*>(second)[i] : float4{};
    Rule::apply(numbers, clip * g.x, w.x, m.x, v.x);
    Rule::apply(numbers, clip * g.y, w.y, m.y, v.y);
    Rule::apply(numbers, clip * g.z, w.z, m.z, v.z);
    Rule::apply(numbers, clip * g.w, w.w, m.w, v.w);
    reinterpret_cast<float4*>(weights)[i] = w;
    reinterpret_cast<float4*>(first)[i] = m;
    if constexpr (Rule::two_moments) reinterpret_cast<float4*>(second)[i] = v;
  } else {
    for (std::size_t j = at; j < count; ++j) {
      float unused = 0.0f;
      Rule::apply(numbers, clip * gradients[j], weights[j], first[j], Rule::two_moments ? second[j] : unused);
    }
  }
}

AdamWRule rule_of(const AdamW& o) {
  return {std::log(o.beta1),
          std::log(o.beta2),
          o.weight_decay,
          static_cast<float>(1.0 - o.beta1),
          static_cast<float>(o.beta2),
          static_cast<float>(1.0 - o.beta2),
          static_cast<float>(o.epsilon)};
}

SgdRule rule_of(const Sgd& o) {
  return {static_cast<float>(o.weight_decay), static_cast<float>(o.momentum), o.nesterov};
}

}  // namespace

void optimizer_step(const Optimizer& optimizer, const ParameterArrays& arrays, const DeviceStep* step,
                    const double* squares, std::uint32_t square_count, double clip_norm, cudaStream_t stream,
                    unsigned block) {
  if (arrays.count == 0) return;
  const auto grid = static_cast<unsigned>(ceil_div(ceil_div(arrays.count, std::size_t{4}), std::size_t{block}));
  std::visit(
      [&](const auto& o) {
        const auto rule = rule_of(o);
        launch(update_all<std::remove_const_t<decltype(rule)>>, grid, block, 0, stream, rule, arrays.weights,
               arrays.gradients, arrays.first, arrays.second, arrays.count, step, squares, square_count,
               static_cast<float>(clip_norm));
      },
      optimizer);
}

}  // namespace sidestep::kernels::cuda
