#pragma once

#include <sidestep/kernels/cpu/hand/simd.hpp>
#include <sidestep/kernels/cpu/norm_kernels.hpp>

// Batch normalisation's loops over one sample [pixels][channels]. A group of channels as long as a cache line stays in
// registers while the pixels go by.
namespace {

template <int W, int V>
struct Group {  ///< V vectors of W channels
  static constexpr int width = W, vectors = V;
};

/// Calls f(Group, first channel) for all channels.
template <int W, class F>
[[gnu::always_inline]] inline void channel_groups(std::size_t channels, F f) {
  std::size_t c = 0;
  for (; c + 16 <= channels; c += 16) f(Group<W, 16 / W>{}, c);
  for (; c < channels; ++c) f(Group<1, 1>{}, c);
}

/// out[c] = sum over the pixels of term(vector of x)(c). Even and odd pixels have sums of their own, for the latency.
template <int W, int V, class Term>
[[gnu::always_inline]] inline void sum_pixels(std::size_t pixels, std::size_t channels, std::size_t c, const float* x,
                                              float* out, Term term) {
  Vec<W> sum[2][V] = {};
  std::size_t p = 0;
  for (; p + 2 <= pixels; p += 2)
    each<2>([&](auto odd) {
      each<V>([&](auto v) { sum[odd][v] += term(v, load<W>(x + (p + odd) * channels + c + v * W)); });
    });
  if (p < pixels) each<V>([&](auto v) { sum[0][v] += term(v, load<W>(x + p * channels + c + v * W)); });
  each<V>([&](auto v) { store<W>(out + c + v * W, sum[0][v] + sum[1][v]); });
}

template <int W>
void norm_sum(std::size_t pixels, std::size_t channels, const float* x, float* sum) {
  channel_groups<W>(
      channels, [&](auto group, std::size_t c) __attribute__((always_inline)) {
        sum_pixels<group.width, group.vectors>(pixels, channels, c, x, sum, [](auto, auto value) { return value; });
      });
}

template <int W>
void norm_squares(std::size_t pixels, std::size_t channels, const float* x, const float* mean, float* sum) {
  channel_groups<W>(
      channels, [&](auto group, std::size_t c) __attribute__((always_inline)) {
        constexpr int N = group.width, V = group.vectors;
        Vec<N> m[V];
        each<V>([&](auto v) { m[v] = load<N>(mean + c + v * N); });
        sum_pixels<N, V>(pixels, channels, c, x, sum,
                         [&](auto v, Vec<N> value) { return (value - m[v]) * (value - m[v]); });
      });
}

template <int W>
void norm_apply(std::size_t pixels, std::size_t channels, const float* x, const float* addend, const float* mean,
                const float* scale, const float* bias, bool relu, float* y) {
  channel_groups<W>(
      channels, [&](auto group, std::size_t c) __attribute__((always_inline)) {
        constexpr int N = group.width, V = group.vectors;
        Vec<N> m[V], s[V], b[V];
        const Vec<N> least = relu ? Vec<N>{} : broadcast<N>(-__builtin_inff());
        each<V>([&](auto v) {
          m[v] = load<N>(mean + c + v * N), s[v] = load<N>(scale + c + v * N), b[v] = load<N>(bias + c + v * N);
        });
        const auto all = [&](auto adds) __attribute__((always_inline)) {
          for (std::size_t p = 0, at = c; p < pixels; ++p, at += channels)
            each<V>([&](auto v) {
              Vec<N> value = (load<N>(x + at + v * N) - m[v]) * s[v] + b[v];
              if constexpr (adds) value += load<N>(addend + at + v * N);
              store<N>(y + at + v * N, value < least ? least : value);  // this way round, so that NaN stays NaN
            });
        };
        if (addend)
          all(std::true_type{});
        else
          all(std::false_type{});
      });
}

template <int W>
void norm_backward_sums(std::size_t pixels, std::size_t channels, const float* x, const float* y, const float* mean,
                        float* gradient, float* copy, float* sum, float* sum_of_products) {
  channel_groups<W>(
      channels, [&](auto group, std::size_t c) __attribute__((always_inline)) {
        constexpr int N = group.width, V = group.vectors;
        Vec<N> m[V], g_sum[V] = {}, gx_sum[V] = {};
        each<V>([&](auto v) { m[v] = load<N>(mean + c + v * N); });
        const auto all = [&](auto masks, auto copies) __attribute__((always_inline)) {
          for (std::size_t p = 0, at = c; p < pixels; ++p, at += channels)
            each<V>([&](auto v) {
              Vec<N> g = load<N>(gradient + at + v * N);
              if constexpr (masks) {
                g = load<N>(y + at + v * N) > Vec<N>{} ? g : Vec<N>{};
                store<N>(gradient + at + v * N, g);
              }
              if constexpr (copies) store<N>(copy + at + v * N, g);
              g_sum[v] += g;
              gx_sum[v] += g * (load<N>(x + at + v * N) - m[v]);
            });
        };
        if (y && copy)
          all(std::true_type{}, std::true_type{});
        else if (y)
          all(std::true_type{}, std::false_type{});
        else if (copy)
          all(std::false_type{}, std::true_type{});
        else
          all(std::false_type{}, std::false_type{});
        each<V>([&](auto v) {
          store<N>(sum + c + v * N, g_sum[v]);
          store<N>(sum_of_products + c + v * N, gx_sum[v]);
        });
      });
}

template <int W>
void norm_backward(std::size_t pixels, std::size_t channels, const float* x, const float* mean, const float* scale,
                   const float* shift, const float* slope, const float* gradient, float* x_gradient) {
  channel_groups<W>(
      channels, [&](auto group, std::size_t c) __attribute__((always_inline)) {
        constexpr int N = group.width, V = group.vectors;
        Vec<N> m[V], a[V], b[V], d[V];
        each<V>([&](auto v) {
          m[v] = load<N>(mean + c + v * N), a[v] = load<N>(scale + c + v * N);
          b[v] = load<N>(shift + c + v * N), d[v] = load<N>(slope + c + v * N);
        });
        for (std::size_t p = 0, at = c; p < pixels; ++p, at += channels)
          each<V>([&](auto v) {
            const Vec<N> g = load<N>(gradient + at + v * N), deviation = load<N>(x + at + v * N) - m[v];
            store<N>(x_gradient + at + v * N, a[v] * g - b[v] - d[v] * deviation);
          });
      });
}

template <int W>
constexpr sidestep::kernels::cpu::NormKernels make_norm_kernels() {
  return {.sum = norm_sum<W>,
          .squares = norm_squares<W>,
          .apply = norm_apply<W>,
          .backward_sums = norm_backward_sums<W>,
          .backward = norm_backward<W>};
}

}  // namespace
