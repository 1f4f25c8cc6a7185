#pragma once

#include <sidestep/kernels/cpu/hand/simd.hpp>
#include <sidestep/kernels/cpu/hand/table.hpp>

namespace {

using sidestep::kernels::cpu::Update;

template <int W>
[[gnu::always_inline]] inline Vec<W> square_root(Vec<W> x) {
  for (int i = 0; i < W; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
}

/// One optimizer step over n parameters, whose gradient is the sum of `count` arrays, `pitch` floats apart, added in
/// order. Formulas: kernels/cpu/update.hpp.
template <int W>
void update(const Update& u, const float* gradients, std::size_t pitch, std::size_t count, float* weights, float* first,
            float* second, std::size_t n) {
  const auto sum = [&](auto width, std::size_t i) __attribute__((always_inline)) {
    constexpr int N = decltype(width)::value;
    Vec<N> g = load<N>(gradients + i);
    for (std::size_t s = 1; s < count; ++s) g += load<N>(gradients + s * pitch + i);
    return g;
  };
  const auto adamw = [&](auto width, std::size_t i) __attribute__((always_inline)) {
    constexpr int N = decltype(width)::value;
    const Vec<N> g = sum(width, i);
    Vec<N> m = load<N>(first + i), v = load<N>(second + i);
    m += u.one_minus_beta1 * (g - m);
    v = u.beta2 * v + u.one_minus_beta2 * g * g;
    store<N>(first + i, m);
    store<N>(second + i, v);
    store<N>(weights + i,
             load<N>(weights + i) * u.keep - u.rate * m / (square_root<N>(v) * u.second_scale + u.epsilon));
  };
  const auto sgd = [&](auto width, std::size_t i) __attribute__((always_inline)) {
    constexpr int N = decltype(width)::value;
    const Vec<N> w = load<N>(weights + i), g = sum(width, i) + u.decay * w;
    const Vec<N> b = u.momentum * load<N>(first + i) + g;
    store<N>(first + i, b);
    store<N>(weights + i, w - u.rate * (u.nesterov ? g + u.momentum * b : b));
  };
  const auto all = [&](auto step) __attribute__((always_inline)) {
    std::size_t i = 0;
    for (; i + W <= n; i += W) step(std::integral_constant<int, W>{}, i);
    for (; i < n; ++i) step(std::integral_constant<int, 1>{}, i);
  };
  if (u.kind == Update::Kind::adamw)
    all(adamw);
  else
    all(sgd);
}

}  // namespace
