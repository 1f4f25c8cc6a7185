#pragma once

#include <sidestep/kernels/cpu/hand/pool.hpp>
#include <sidestep/kernels/cpu/hand/simd.hpp>
#include <sidestep/kernels/cpu/hand/table.hpp>

namespace {

using sidestep::kernels::cpu::ConvolutionShape;
using sidestep::kernels::cpu::Entry;

/// Convolution with few input channels (1 to 3), fused with ReLU and pool:
///   output[y][x][o] = max over the window of max(0, bias[o] + sum over dy, dx, c of in[..+dy][..+dx][c]
///   weights[dy][dx][c][o])
///
/// padded   [height + 4][width + 4][channels]
/// weights  [5][5][channels][filters]
/// output   [height / 2][width / 2][filters], choice alike
///
/// A vector holds filters; the four positions of P neighbouring windows are summed at once, so that each weight that is
/// loaded serves 4 P products.
template <int W, int P, int C, class Filters>
[[gnu::always_inline]] inline void direct_windows(std::size_t pitch, Filters filters, const float* in,
                                                  const float* weights, const float* bias, float* output,
                                                  std::uint8_t* choice) {
  constexpr int vectors = static_cast<int>(sidestep::kernels::cpu::block) / W;
  Vec<W> sum[P][4][vectors];
  each<vectors>([&](auto v) {
    const Vec<W> b = load<W>(bias + v * W);
    each<P>([&](auto p) { each<4>([&](auto q) { sum[p][q][v] = b; }); });
  });
  for (int dy = 0; dy < 5; ++dy)
    each<5>([&](auto dx) {
      each<C>([&](auto c) {
        Vec<W> w[vectors];
        each<vectors>([&](auto v) { w[v] = load<W>(weights + ((dy * 5 + dx) * C + c) * filters + v * W); });
        each<P>([&](auto p) {
          each<4>([&](auto q) {
            const Vec<W> x = broadcast<W>(in[(dy + q / 2) * pitch + (2 * p + dx + q % 2) * C + c]);
            each<vectors>([&](auto v) { sum[p][q][v] += x * w[v]; });
          });
        });
      });
    });
  each<P>([&](auto p) {
    each<vectors>([&](auto v) {
      const auto at = p * filters + v * W;
      pool<W>(sum[p][0][v], sum[p][1][v], sum[p][2][v], sum[p][3][v], output + at, choice + at);
    });
  });
}

template <int W, int C, class Filters>
inline void direct_plane(const ConvolutionShape& s, Filters filters, const float* padded, const float* weights,
                         const float* bias, float* output, std::uint8_t* choice) {
  constexpr int together = W / 8;  // windows; eight sums keep two multipliers with a latency of four busy
  const std::size_t columns = s.width / 2, pitch = (s.width + 4) * C;
  for (std::size_t f = 0; f < filters; f += sidestep::kernels::cpu::block)
    for (std::size_t y = 0; y < s.height / 2; ++y) {
      const float* in = padded + 2 * y * pitch;
      const std::size_t out = y * columns * filters + f;
      std::size_t x = 0;
      for (; x + together <= columns; x += together)
        direct_windows<W, together, C>(pitch, filters, in + 2 * x * C, weights + f, bias + f,
                                       output + out + x * filters, choice + out + x * filters);
      for (; x < columns; ++x)
        direct_windows<W, 1, C>(pitch, filters, in + 2 * x * C, weights + f, bias + f, output + out + x * filters,
                                choice + out + x * filters);
    }
}

template <int W>
void direct_forward(const ConvolutionShape& s, const float* padded, const float* weights, const float* bias,
                    float* output, std::uint8_t* choice) {
  if (s.channels == 1 && s.filters == 16)
    return direct_plane<W, 1>(s, Size<16>{}, padded, weights, bias, output, choice);
  if (s.channels == 1) return direct_plane<W, 1>(s, s.filters, padded, weights, bias, output, choice);
  if (s.channels == 2) return direct_plane<W, 2>(s, s.filters, padded, weights, bias, output, choice);
  if (s.channels == 3) return direct_plane<W, 3>(s, s.filters, padded, weights, bias, output, choice);
}

/// Its weight gradient, over the positions that max-pool let through:
///   weight_gradient[o][dy][dx][c] += sum over the entries of o of value * padded[offset + (dy, dx, c)]
///
/// lists            [filters][height * width / 4], counts [filters]: each filter's entries, offset = that of the
/// window's
///                  upper left value in padded
/// weight_gradient  [filters][5][5][channels];  bias_gradient [filters] += sum of the values
///
/// A vector holds one row of the kernel, 5 * channels floats, so it reads up to 7 floats past a row: padded is that
/// much longer. Even and odd entries have sums of their own, for the latency.
template <int C>
inline void direct_weights(const ConvolutionShape& s, const float* padded, const Entry* lists,
                           const std::int32_t* counts, float* weight_gradient, float* bias_gradient) {
  constexpr int W = 8, row = 5 * C, vectors = (row + W - 1) / W;
  constexpr int chains = vectors == 1 ? 2 : 1;
  const std::size_t pitch = (s.width + 4) * C, capacity = s.height * s.width / 4;
  for (std::size_t f = 0; f < s.filters; ++f) {
    const Entry* list = lists + f * capacity;
    const std::int32_t count = counts[f];
    Vec<W> sum[chains][5][vectors] = {};
    float bias[chains] = {};
    const auto add = [&](auto chain, const Entry& e) __attribute__((always_inline)) {
      const Vec<W> g = broadcast<W>(e.value);
      const float* in = padded + e.offset;
      bias[chain] += e.value;
      each<5>(
          [&](auto dy) { each<vectors>([&](auto v) { sum[chain][dy][v] += g * load<W>(in + dy * pitch + v * W); }); });
    };
    std::int32_t i = 0;
    for (; i + chains <= count; i += chains) each<chains>([&](auto chain) { add(chain, list[i + chain]); });
    for (; i < count; ++i) add(std::integral_constant<int, 0>{}, list[i]);
    float* out = weight_gradient + f * 5 * row;
    each<5>([&](auto dy) {
      float values[vectors * W];
      each<vectors>([&](auto v) {
        Vec<W> total = sum[0][dy][v];
        if constexpr (chains == 2) total += sum[1][dy][v];
        store<W>(values + v * W, total);
      });
      for (int j = 0; j < row; ++j) out[dy * row + j] += values[j];
    });
    bias_gradient[f] += chains == 2 ? bias[0] + bias[chains - 1] : bias[0];
  }
}

template <int W>
void direct_weight_gradient(const ConvolutionShape& s, const float* padded, const Entry* lists,
                            const std::int32_t* counts, float* weight_gradient, float* bias_gradient) {
  if (s.channels == 1) direct_weights<1>(s, padded, lists, counts, weight_gradient, bias_gradient);
  if (s.channels == 2) direct_weights<2>(s, padded, lists, counts, weight_gradient, bias_gradient);
  if (s.channels == 3) direct_weights<3>(s, padded, lists, counts, weight_gradient, bias_gradient);
}

}  // namespace
