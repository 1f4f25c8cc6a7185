#pragma once

#include <sidestep/kernels/cpu/hand/pool.hpp>
#include <sidestep/kernels/cpu/hand/simd.hpp>
#include <sidestep/kernels/cpu/hand/table.hpp>

// Winograd's F(2x2, 5x5) (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016), points 0, 1, -1, 2,
// -2 and infinity: a 2x2 tile of outputs, which is exactly one pool window, costs 36 products a channel instead of 100.
//
//   tile = A' [ (G w G') * (B' d B) summed over channels ] A,   d the 6x6 inputs around the tile
namespace {

using sidestep::kernels::cpu::ConvolutionShape;

/// B': six inputs to six points.
template <class V>
[[gnu::always_inline]] inline void to_points(const V (&d)[6], V (&r)[6]) {
  const V a = d[4] - 4.0f * d[2], b = d[3] - 4.0f * d[1], c = d[4] - d[2], e = d[3] - d[1];
  r[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
  r[1] = a + b;
  r[2] = a - b;
  r[3] = c + 2.0f * e;
  r[4] = c - 2.0f * e;
  r[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
}

/// A': six points to two outputs.
template <class V>
[[gnu::always_inline]] inline void from_points(const V (&m)[6], V (&y)[2]) {
  y[0] = m[0] + (m[1] + m[2]) + (m[3] + m[4]);
  y[1] = (m[1] - m[2]) + 2.0f * (m[3] - m[4]) + m[5];
}

/// G: five weights to six points.
template <class V>
[[gnu::always_inline]] inline void weights_to_points(const V (&g)[5], V (&u)[6]) {
  const V even = g[0] + g[2] + g[4], odd = g[1] + g[3];
  const V even2 = g[0] + 4.0f * g[2] + 16.0f * g[4], odd2 = 2.0f * g[1] + 8.0f * g[3];
  u[0] = 0.25f * g[0];
  u[1] = (-1.0f / 6.0f) * (even + odd);
  u[2] = (-1.0f / 6.0f) * (even - odd);
  u[3] = (1.0f / 24.0f) * (even2 + odd2);
  u[4] = (1.0f / 24.0f) * (even2 - odd2);
  u[5] = g[4];
}

/// G w G' for the 16 filters of one block.
///
/// weights      [filters][5][5][channels]
/// transformed  [36][channels][filters]
/// scratch      25 * 16 + 30 * 16 floats
template <int W>
void winograd_weights(const ConvolutionShape& s, const float* weights, float* transformed, std::size_t filter_block,
                      float* scratch) {
  constexpr std::size_t B = sidestep::kernels::cpu::block;
  weights += filter_block * B * 25 * s.channels;
  float* turned = scratch;            // [25][16 filters]
  float* halfway = scratch + 25 * B;  // [6][5][16 filters]
  for (std::size_t c = 0; c < s.channels; ++c) {
    for (std::size_t f = 0; f < B; ++f)
      for (std::size_t t = 0; t < 25; ++t) turned[t * B + f] = weights[(f * 25 + t) * s.channels + c];
    for (std::size_t v = 0; v < B; v += W) {
      for (int dx = 0; dx < 5; ++dx) {
        Vec<W> g[5], u[6];
        each<5>([&](auto dy) { g[dy] = load<W>(turned + (dy * 5 + dx) * B + v); });
        weights_to_points(g, u);
        each<6>([&](auto i) { store<W>(halfway + (i * 5 + dx) * B + v, u[i]); });
      }
      for (int i = 0; i < 6; ++i) {
        Vec<W> g[5], u[6];
        each<5>([&](auto dx) { g[dx] = load<W>(halfway + (i * 5 + dx) * B + v); });
        weights_to_points(g, u);
        each<6>([&](auto j) {
          store<W>(transformed + ((i * 6 + j) * s.channels + c) * s.filters + filter_block * B + v, u[j]);
        });
      }
    }
  }
}

/// products[t][o] = sum over c of inputs[t][c] * weights[c][o], for T tiles and V vectors of filters. Tiles are six
/// rows of points apart.
template <int W, int T, int V, class Channels, class Filters>
[[gnu::always_inline]] inline void tile_products(Channels channels, Filters filters, const float* inputs,
                                                 const float* weights, float* products) {
  Vec<W> sum[T][V] = {};
  for (std::size_t c = 0; c < channels; ++c) {
    Vec<W> w[V];
    each<V>([&](auto v) { w[v] = load<W>(weights + c * filters + v * W); });
    each<T>([&](auto t) {
      const Vec<W> x = broadcast<W>(inputs[t * 6 * channels + c]);
      each<V>([&](auto v) { sum[t][v] += x * w[v]; });
    });
  }
  each<T>([&](auto t) { each<V>([&](auto v) { store<W>(products + t * 6 * filters + v * W, sum[t][v]); }); });
}

/// One of the six rows of points for T tiles: inputs to points, products, half of A. What is between stays in the first
/// cache, and so do the row's weights from one call to the next.
///
/// from   where each tile's six inputs begin, already transformed down the columns
/// halves [T][6][2][filters], of which this row is written
template <int W, int T, class Channels, class Filters>
[[gnu::always_inline]] inline void tile_row(Channels C, Filters F, const float* const (&from)[T], const float* weights,
                                            float* points, float* products, float* halves) {
  constexpr std::size_t B = sidestep::kernels::cpu::block;
  constexpr int V = static_cast<int>(B) / W;
  for (int t = 0; t < T; ++t)
    for (std::size_t c = 0; c < C; c += W) {
      Vec<W> d[6], r[6];
      each<6>([&](auto j) { d[j] = load<W>(from[t] + j * C + c); });
      to_points(d, r);
      each<6>([&](auto j) { store<W>(points + (t * 6 + j) * C + c, r[j]); });
    }
  for (std::size_t j = 0; j < 6; ++j) {
    std::size_t f = 0;
    for (; f + 2 * B <= F; f += 2 * B)
      tile_products<W, T, 2 * V>(C, F, points + j * C, weights + j * C * F + f, products + j * F + f);
    for (; f < F; f += B) tile_products<W, T, V>(C, F, points + j * C, weights + j * C * F + f, products + j * F + f);
  }
  for (int t = 0; t < T; ++t)
    for (std::size_t f = 0; f < F; f += W) {
      Vec<W> m[6], y[2];
      each<6>([&](auto j) { m[j] = load<W>(products + (t * 6 + j) * F + f); });
      from_points(m, y);
      each<2>([&](auto x) { store<W>(halves + (t * 12 + x) * F + f, y[x]); });
    }
}

/// Some rows of tiles at a time: inputs transformed down the columns, then row for row of points, then the outputs.
template <int W, class Channels, class Filters>
inline void winograd_plane(const ConvolutionShape& s, Channels C, Filters F, const float* padded,
                           const float* transformed, const float* bias, float* output, std::uint8_t* choice,
                           float* scratch) {
  constexpr int most = W == 16 ? 7 : 3;  // tiles at once: their products are all registers but a few
  const std::size_t columns = s.width + 4, across = s.width / 2, down = s.height / 2;
  for (std::size_t first = 0; first < down;) {
    const std::size_t rows = sidestep::kernels::cpu::winograd_rows(down - first), tiles = rows * across;
    float* points = scratch;                    // [most][6][C]
    float* products = points + most * 6 * C;    // [most][6][F]
    float* halves = products + most * 6 * F;    // [tiles][6][2][F]
    float* vertical = halves + tiles * 12 * F;  // [6][rows][columns][C]
    for (std::size_t row = 0; row < rows; ++row) {
      const float* in = padded + 2 * (first + row) * columns * C;
      float* to = vertical + row * columns * C;
      for (std::size_t x = 0; x < columns * C; x += W) {
        Vec<W> d[6], r[6];
        each<6>([&](auto i) { d[i] = load<W>(in + i * columns * C + x); });
        to_points(d, r);
        each<6>([&](auto i) { store<W>(to + i * rows * columns * C + x, r[i]); });
      }
    }
    for (std::size_t i = 0; i < 6; ++i) {
      const float* weights = transformed + i * 6 * C * F;
      const float* from = vertical + i * rows * columns * C;
      std::size_t tile = 0, column = 0;
      const auto take = [&](auto count) __attribute__((always_inline)) {
        constexpr int T = decltype(count)::value;
        const float* at[T];
        for (int t = 0; t < T; ++t) {
          at[t] = from;
          from += 2 * C;
          if (++column == across) column = 0, from += 4 * C;
        }
        tile_row<W, T>(C, F, at, weights, points, products, halves + (tile * 6 + i) * 2 * F);
        tile += T;
      };
      while (tiles - tile >= most) take(std::integral_constant<int, most>{});
      while (tile < tiles) take(std::integral_constant<int, 1>{});
    }
    for (std::size_t t = 0; t < tiles; ++t) {
      const float* from = halves + t * 12 * F;
      const std::size_t to = (first * across + t) * F;
      for (std::size_t f = 0; f < F; f += W) {
        Vec<W> left[6], right[6], l[2], r[2];
        each<6>([&](auto i) { left[i] = load<W>(from + 2 * i * F + f); });
        from_points(left, l);
        each<6>([&](auto i) { right[i] = load<W>(from + (2 * i + 1) * F + f); });
        from_points(right, r);
        const Vec<W> b = load<W>(bias + f);
        pool<W>(l[0] + b, r[0] + b, l[1] + b, r[1] + b, output + to + f, choice + to + f);
      }
    }
    first += rows;
  }
}

/// padded       [height + 4][width + 4][channels], channels a multiple of 16
/// transformed  as winograd_weights made it
/// output       [height / 2][width / 2][filters], choice alike
/// scratch      winograd_scratch_floats(s)
template <int W>
void winograd_forward(const ConvolutionShape& s, const float* padded, const float* transformed, const float* bias,
                      float* output, std::uint8_t* choice, float* scratch) {
  if (s.channels == 16 && s.filters == 32)
    winograd_plane<W>(s, Size<16>{}, Size<32>{}, padded, transformed, bias, output, choice, scratch);
  else
    winograd_plane<W>(s, s.channels, s.filters, padded, transformed, bias, output, choice, scratch);
}

}  // namespace
