#include <sidestep/kernels/cpu/lists.hpp>

#include <algorithm>

namespace sidestep::kernels::cpu {

void pad(const ConvolutionShape& s, const float* sample, float* padded) {
  const std::size_t row = s.width * s.channels, edge = 2 * s.channels, pitch = row + 2 * edge;
  std::fill_n(padded, 2 * pitch + edge, 0.0f);
  padded += 2 * pitch + edge;
  for (std::size_t y = 0; y < s.height; ++y, sample += row, padded += pitch) {
    std::copy_n(sample, row, padded);
    std::fill_n(padded + row, 2 * edge, 0.0f);
  }
  std::fill_n(padded, 2 * pitch - edge, 0.0f);
}

void unpad(const ConvolutionShape& s, const float* padded, float* sample) {
  const std::size_t row = s.width * s.channels, edge = 2 * s.channels, pitch = row + 2 * edge;
  for (std::size_t y = 0; y < s.height; ++y) std::copy_n(padded + (y + 2) * pitch + edge, row, sample + y * row);
}

namespace {
std::size_t windows(const ConvolutionShape& s) { return s.height * s.width / 4; }
constexpr std::size_t floats_an_entry = sizeof(Entry) / sizeof(float);
}  // namespace

// The dead of the last window need a list too: 4 * filters entries lie after the last one's four lists.
std::size_t Lists::floats(const ConvolutionShape& s) {
  return floats_an_entry * (s.filters * windows(s) + 4 * s.filters * (windows(s) + 1)) + s.filters + 4 * windows(s) +
         64;
}

Lists::Lists(const ConvolutionShape& s, float* memory)
    : shape(s),
      by_filter(reinterpret_cast<Entry*>(memory)),
      filter_counts(
          reinterpret_cast<std::int32_t*>(by_filter + s.filters * windows(s) + 4 * s.filters * (windows(s) + 1))),
      by_window(by_filter + s.filters * windows(s)),
      window_counts(filter_counts + s.filters) {}

// Without branches: every gradient is written to the end of its lists, and the end moves on only if it is alive. What a
// dead one leaves there is overwritten by the next.
template <bool Windows>
void Lists::build(const float* gradient, const std::uint8_t* choice) {
  const std::size_t filters = shape.filters, all = windows(shape), columns = shape.width / 2;
  const auto channels = static_cast<std::int32_t>(shape.channels),
             pitch = static_cast<std::int32_t>(shape.width + 4) * channels;
  const std::int32_t step[5] = {0, channels, pitch, pitch + channels, 0};
  std::fill_n(filter_counts, filters, 0);
  for (std::size_t w = 0; w < all; ++w, gradient += filters, choice += filters) {
    const auto corner =
        static_cast<std::int32_t>(w / columns * 2) * pitch + static_cast<std::int32_t>(w % columns * 2) * channels;
    std::int32_t counts[5] = {};
    Entry* lists = by_window + w * 4 * filters;
    for (std::size_t f = 0; f < filters; ++f) {
      const std::uint8_t at = choice[f];
      const float g = gradient[f];
      by_filter[f * all + static_cast<std::size_t>(filter_counts[f])] = {corner + step[at], g};
      filter_counts[f] += at != dead;
      if constexpr (Windows)
        lists[at * filters + static_cast<std::size_t>(counts[at]++)] = {static_cast<std::int32_t>(f) * 25 * channels,
                                                                        g};
    }
    if constexpr (Windows) std::copy_n(counts, 4, window_counts + w * 4);
  }
}

void Lists::build_by_filter(const float* gradient, const std::uint8_t* choice) { build<false>(gradient, choice); }
void Lists::build_both(const float* gradient, const std::uint8_t* choice) { build<true>(gradient, choice); }

}  // namespace sidestep::kernels::cpu
