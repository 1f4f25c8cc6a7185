#pragma once

#include <sidestep/kernels/cpu/hand/simd.hpp>
#include <sidestep/kernels/cpu/hand/table.hpp>

// Dense layers. Weights lie in panels of 16 units, [panel][input][16], zeros where units end: the forward sum and the
// weight gradient take a row of a panel as vectors, the data gradient takes its elements one by one.
namespace {

inline constexpr std::size_t panel_width = sidestep::kernels::cpu::block;

/// R rows times P panels, `depth` inputs of them. Begins from `begin` (a bias, or with `resume` the output so far).
template <int W, int R, int P>
[[gnu::always_inline]] inline void dense_tile(std::size_t depth, const float* input, std::size_t input_pitch,
                                              const float* weights, std::size_t panel_pitch, const float* bias,
                                              bool resume, bool relu, float* output, std::size_t output_pitch) {
  constexpr int each_panel = static_cast<int>(panel_width) / W, V = P * each_panel;
  Vec<W> sum[R][V];
  each<R>([&](auto r) {
    each<V>([&](auto v) { sum[r][v] = load<W>(resume ? output + r * output_pitch + v * W : bias + v * W); });
  });
  for (std::size_t k = 0; k < depth; ++k) {
    Vec<W> w[V];
    each<V>([&](auto v) {
      w[v] = load<W>(weights + (v / each_panel) * panel_pitch + k * panel_width + (v % each_panel) * W);
    });
    each<R>([&](auto r) {
      const Vec<W> x = broadcast<W>(input[r * input_pitch + k]);
      each<V>([&](auto v) { sum[r][v] += x * w[v]; });
    });
  }
  const Vec<W> zero{};
  each<R>([&](auto r) {
    each<V>([&](auto v) {
      store<W>(output + r * output_pitch + v * W, relu ? (sum[r][v] > zero ? sum[r][v] : zero) : sum[r][v]);
    });
  });
}

/// The rows in as few tiles as fit, of as equal heights as can be.
template <int W, int P, int Most>
inline void dense_rows(std::size_t rows, std::size_t depth, const float* input, std::size_t input_pitch,
                       const float* weights, std::size_t panel_pitch, const float* bias, bool resume, bool relu,
                       float* output, std::size_t output_pitch) {
  std::size_t tiles = (rows + Most - 1) / Most;
  while (rows > 0) {
    const std::size_t height = (rows + tiles - 1) / tiles;
    each<Most>([&](auto r) {
      if (height == r + 1)
        dense_tile<W, r + 1, P>(depth, input, input_pitch, weights, panel_pitch, bias, resume, relu, output,
                                output_pitch);
    });
    input += height * input_pitch;
    output += height * output_pitch;
    rows -= height;
    --tiles;
  }
}

/// output[r][u] = bias[u] + sum over k of input[r][k] * weights[k][u], then ReLU if asked for
///
/// Inputs are taken in stretches whose part of a panel stays in the first cache while all row tiles pass over it.
template <int W>
void dense_forward(std::size_t rows, std::size_t inputs, std::size_t panels, const float* input,
                   std::size_t input_pitch, const float* weights, const float* bias, bool relu, float* output,
                   std::size_t output_pitch) {
  constexpr int together = W == 16 ? 2 : 1, most = W == 16 ? 8 : 6;
  constexpr std::size_t stretch = 256;
  const std::size_t panel_pitch = inputs * panel_width;
  for (std::size_t k = 0; k < inputs; k += stretch) {
    const std::size_t depth = inputs - k < stretch ? inputs - k : stretch;
    const bool last = k + depth == inputs;
    std::size_t p = 0;
    const auto rest = [&](auto count) __attribute__((always_inline)) {
      dense_rows<W, decltype(count)::value, most>(
          rows, depth, input + k, input_pitch, weights + p * panel_pitch + k * panel_width, panel_pitch,
          bias + p * panel_width, k > 0, relu && last, output + p * panel_width, output_pitch);
    };
    for (; p + together <= panels; p += together) rest(std::integral_constant<int, together>{});
    if constexpr (together > 1)
      for (; p < panels; ++p) rest(std::integral_constant<int, 1>{});
  }
}

/// input_gradient[r][k] = sum over u of output_gradient[r][u] * weights[k][u]
///
/// A vector holds rows, sixteen at a time; output_gradient is turned so first, and the result turned back.
/// scratch  panels * 256 + 48 * 16 floats
template <int W>
void dense_data_gradient(std::size_t rows, std::size_t inputs, std::size_t panels, const float* output_gradient,
                         std::size_t output_pitch, const float* weights, float* input_gradient, std::size_t input_pitch,
                         float* scratch) {
  constexpr std::size_t B = panel_width, stretch = 48;
  constexpr int V = static_cast<int>(B) / W, R = W == 16 ? 12 : 6;
  const std::size_t units = panels * B, panel_pitch = inputs * B;
  float* turned = scratch;              // [units][16 rows]
  float* result = scratch + units * B;  // [stretch][16 rows]
  for (std::size_t row = 0; row < rows; row += B) {
    const std::size_t height = rows - row < B ? rows - row : B;
    const float* from = output_gradient + row * output_pitch;
    for (std::size_t r = 0; r < B; ++r)
      for (std::size_t u = 0; u < units; ++u) turned[u * B + r] = r < height ? from[r * output_pitch + u] : 0.0f;

    const auto tile = [&](auto count, std::size_t k, float* to) __attribute__((always_inline)) {
      constexpr int N = decltype(count)::value;
      Vec<W> sum[N][V] = {};
      for (std::size_t p = 0; p < panels; ++p) {
        const float* w = weights + p * panel_pitch + k * B;
        const float* g = turned + p * B * B;
        for (std::size_t u = 0; u < B; ++u) {
          Vec<W> z[V];
          each<V>([&](auto v) { z[v] = load<W>(g + u * B + v * W); });
          each<N>([&](auto i) {
            const Vec<W> x = broadcast<W>(w[i * B + u]);
            each<V>([&](auto v) { sum[i][v] += x * z[v]; });
          });
        }
      }
      each<N>([&](auto i) { each<V>([&](auto v) { store<W>(to + i * B + v * W, sum[i][v]); }); });
    };
    for (std::size_t k = 0; k < inputs; k += stretch) {
      const std::size_t depth = inputs - k < stretch ? inputs - k : stretch;
      std::size_t i = 0;
      for (; i + R <= depth; i += R) tile(std::integral_constant<int, R>{}, k + i, result + i * B);
      for (; i < depth; ++i) tile(std::integral_constant<int, 1>{}, k + i, result + i * B);
      float* to = input_gradient + row * input_pitch + k;
      for (std::size_t r = 0; r < height; ++r)
        for (std::size_t j = 0; j < depth; ++j) to[r * input_pitch + j] = result[j * B + r];
    }
  }
}

/// gradient[p][k][u] = sum over the batch of input[r][first + k] * output_gradient[r][p * 16 + u],  k below count
///
/// Inputs are packed in strips of R, output gradients by panels, so that the sums read both straight on.
/// scratch  128 * 16 floats, and 128 for each input, count rounded up to a multiple of 12
template <int W>
void dense_weight_gradient(std::size_t samples, std::size_t first, std::size_t count, std::size_t panels,
                           const float* input, std::size_t input_pitch, const float* output_gradient,
                           std::size_t output_pitch, float* gradient, float* scratch) {
  constexpr std::size_t B = panel_width, stretch = 128;
  constexpr int V = static_cast<int>(B) / W;
  constexpr std::size_t R = W == 16 ? 12 : 6;
  const std::size_t strips = (count + R - 1) / R;
  float* packed_gradient = scratch;       // [stretch][16]
  float* packed = scratch + stretch * B;  // [strips][stretch][R]
  for (std::size_t row = 0; row < samples; row += stretch) {
    const std::size_t height = samples - row < stretch ? samples - row : stretch;
    for (std::size_t r = 0; r < height; ++r) {
      const float* from = input + (row + r) * input_pitch + first;
      for (std::size_t strip = 0; strip < strips; ++strip)
        for (std::size_t i = 0; i < R; ++i) {
          const std::size_t k = strip * R + i;
          packed[(strip * stretch + r) * R + i] = k < count ? from[k] : 0.0f;
        }
    }
    for (std::size_t p = 0; p < panels; ++p) {
      for (std::size_t r = 0; r < height; ++r)
        each<V>([&](auto v) {
          store<W>(packed_gradient + r * B + v * W,
                   load<W>(output_gradient + (row + r) * output_pitch + p * B + v * W));
        });
      for (std::size_t strip = 0; strip < strips; ++strip) {
        float* to = gradient + (p * count + strip * R) * B;
        const std::size_t valid = count - strip * R;
        Vec<W> sum[R][V] = {};
        const float* x = packed + strip * stretch * R;
        for (std::size_t r = 0; r < height; ++r, x += R) {
          Vec<W> z[V];
          each<V>([&](auto v) { z[v] = load<W>(packed_gradient + r * B + v * W); });
          each<R>([&](auto i) { each<V>([&](auto v) { sum[i][v] += x[i] * z[v]; }); });
        }
        each<R>([&](auto i) {
          if (static_cast<std::size_t>(i) < valid)
            each<V>([&](auto v) {
              float* at = to + i * B + v * W;
              store<W>(at, row ? load<W>(at) + sum[i][v] : sum[i][v]);
            });
        });
      }
    }
  }
}

}  // namespace
