#pragma once

#include <sidestep/kernels/cpu/hand/simd.hpp>
#include <sidestep/kernels/cpu/hand/table.hpp>

// Backward through convolution, ReLU and pool together: of each window's four gradients at most one is not zero, so
// both gradients are sums over lists of those, a quarter of the work or less. Channels are a multiple of 16.
namespace {

using sidestep::kernels::cpu::ConvolutionShape;
using sidestep::kernels::cpu::Entry;

/// In four sums, for the latency.
[[gnu::always_inline]] inline float sum_of_values(const Entry* list, std::int32_t count) {
  float sum[4] = {};
  std::int32_t i = 0;
  for (; i + 4 <= count; i += 4) each<4>([&](auto j) { sum[j] += list[i + j].value; });
  for (; i < count; ++i) sum[0] += list[i].value;
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/// weight_gradient[o][dy][dx][c] += sum over the entries of o of value * padded[offset + (dy, dx, c)]
///
/// padded           [height + 4][width + 4][channels]
/// lists            [filters][height * width / 4], counts [filters]; offset = that of the position in padded
/// weight_gradient  [filters][5][5][channels];  bias_gradient [filters] += sum of the values
///
/// Rows of the kernel are taken R at a time, as many as there are registers for.
template <int W, class Channels>
inline void sparse_weights(const ConvolutionShape& s, Channels C, const float* padded, const Entry* lists,
                           const std::int32_t* counts, float* weight_gradient, float* bias_gradient) {
  constexpr std::size_t B = sidestep::kernels::cpu::block;
  constexpr int vectors = static_cast<int>(B) / W, R = W == 16 ? 5 : 1;
  const std::size_t pitch = (s.width + 4) * C, capacity = s.height * s.width / 4;
  const auto rows = [&](const Entry* list, std::int32_t count, const float* in, float* out)
      __attribute__((always_inline)) {
    Vec<W> sum[R][5][vectors];
    each<R>([&](auto r) {
      each<5>(
          [&](auto dx) { each<vectors>([&](auto v) { sum[r][dx][v] = load<W>(out + (r * 5 + dx) * C + v * W); }); });
    });
    const auto add = [&](const Entry& e) __attribute__((always_inline)) {
      const Vec<W> g = broadcast<W>(e.value);
      const float* at = in + e.offset;
      each<R>([&](auto r) {
        each<5>([&](auto dx) {
          each<vectors>([&](auto v) { sum[r][dx][v] += g * load<W>(at + r * pitch + dx * C + v * W); });
        });
      });
    };
    std::int32_t i = 0;
    for (; i + 2 <= count; i += 2) {
      add(list[i]);
      add(list[i + 1]);
    }
    if (i < count) add(list[i]);
    each<R>([&](auto r) {
      each<5>(
          [&](auto dx) { each<vectors>([&](auto v) { store<W>(out + (r * 5 + dx) * C + v * W, sum[r][dx][v]); }); });
    });
  };
  for (std::size_t f = 0; f < s.filters; ++f) {
    const Entry* list = lists + f * capacity;
    for (std::size_t c = 0; c < C; c += B)
      for (int dy = 0; dy < 5; dy += R)
        rows(list, counts[f], padded + dy * pitch + c, weight_gradient + (f * 25 + dy * 5) * C + c);
    bias_gradient[f] += sum_of_values(list, counts[f]);
  }
}

template <int W>
void sparse_weight_gradient(const ConvolutionShape& s, const float* padded, const Entry* lists,
                            const std::int32_t* counts, float* weight_gradient, float* bias_gradient) {
  if (s.channels == 16)
    sparse_weights<W>(s, Size<16>{}, padded, lists, counts, weight_gradient, bias_gradient);
  else
    sparse_weights<W>(s, s.channels, padded, lists, counts, weight_gradient, bias_gradient);
}

/// One window's row of gradients spread over its six columns of inputs, D rows of the kernel at once.
template <int W, int D, class Channels>
[[gnu::always_inline]] inline void spread(Channels C, std::size_t pitch, const float* weights, const Entry* left,
                                          std::int32_t lefts, const Entry* right, std::int32_t rights, float* out) {
  constexpr int vectors = static_cast<int>(sidestep::kernels::cpu::block) / W;
  Vec<W> sum[D][6][vectors];
  each<D>([&](auto d) {
    each<6>([&](auto x) { each<vectors>([&](auto v) { sum[d][x][v] = load<W>(out + d * pitch + x * C + v * W); }); });
  });
  const auto add = [&](auto side, const Entry& e) __attribute__((always_inline)) {
    const Vec<W> g = broadcast<W>(e.value);
    const float* w = weights + e.offset;
    each<D>([&](auto d) {
      each<5>([&](auto dx) {
        each<vectors>([&](auto v) { sum[d][dx + side][v] += g * load<W>(w + (d * 5 + dx) * C + v * W); });
      });
    });
  };
  for (std::int32_t i = 0; i < lefts; ++i) add(std::integral_constant<int, 0>{}, left[i]);
  for (std::int32_t i = 0; i < rights; ++i) add(std::integral_constant<int, 1>{}, right[i]);
  each<D>([&](auto d) {
    each<6>([&](auto x) { each<vectors>([&](auto v) { store<W>(out + d * pitch + x * C + v * W, sum[d][x][v]); }); });
  });
}

/// padded_gradient[y + dy][x + dx][c] += sum over the entries at (y, x) of value * weights[o][dy][dx][c]: where the
/// forward sum for the output (y, x) read from.
///
/// weights          [filters][5][5][channels]
/// lists            [windows][4][filters], counts [windows][4]: the entries at each of a window's positions,
///                  offset = that of the filter in weights
/// padded_gradient  [height + 4][width + 4][channels], added to
///
/// The kernel's rows are the outermost loop: what is read of the weights then stays in the first cache.
template <int W, class Channels>
inline void sparse_data(const ConvolutionShape& s, Channels C, const float* weights, const Entry* lists,
                        const std::int32_t* counts, float* padded_gradient) {
  constexpr std::size_t B = sidestep::kernels::cpu::block;
  const std::size_t F = s.filters, pitch = (s.width + 4) * C, columns = s.width / 2;
  const auto pass = [&](auto rows, std::size_t c, int dy) __attribute__((always_inline)) {
    for (std::size_t y = 0; y < s.height / 2; ++y)
      for (std::size_t x = 0; x < columns; ++x) {
        const std::size_t window = y * columns + x;
        const Entry* list = lists + window * 4 * F;
        const std::int32_t* count = counts + window * 4;
        float* out = padded_gradient + (2 * y + dy) * pitch + 2 * x * C + c;
        const float* w = weights + dy * 5 * C + c;
        spread<W, decltype(rows)::value>(C, pitch, w, list, count[0], list + F, count[1], out);
        spread<W, decltype(rows)::value>(C, pitch, w, list + 2 * F, count[2], list + 3 * F, count[3], out + pitch);
      }
  };
  for (std::size_t c = 0; c < C; c += B) {
    if constexpr (W == 16) {
      pass(std::integral_constant<int, 2>{}, c, 0);
      pass(std::integral_constant<int, 2>{}, c, 2);
      pass(std::integral_constant<int, 1>{}, c, 4);
    } else {
      for (int dy = 0; dy < 5; ++dy) pass(std::integral_constant<int, 1>{}, c, dy);
    }
  }
}

template <int W>
void sparse_data_gradient(const ConvolutionShape& s, const float* weights, const Entry* lists,
                          const std::int32_t* counts, float* padded_gradient) {
  if (s.channels == 16)
    sparse_data<W>(s, Size<16>{}, weights, lists, counts, padded_gradient);
  else
    sparse_data<W>(s, s.channels, weights, lists, counts, padded_gradient);
}

}  // namespace
