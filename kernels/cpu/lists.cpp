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

// Without branches: every gradient is written to the end of its list, and the end moves on only if it is alive. What a
// dead one leaves there is overwritten by the next.

void Lists::build_by_filter(const float* gradient, const std::uint8_t* choice) {
  const std::size_t filters = shape.filters, all = windows(shape), rows = shape.height / 2, columns = shape.width / 2;
  const auto channels = static_cast<std::int32_t>(shape.channels);
  const auto pitch = static_cast<std::int32_t>(shape.width + 4) * channels;
  const std::int32_t step[5] = {0, channels, pitch, pitch + channels, 0};
  for (std::size_t f = 0; f < filters; ++f) {
    Entry* list = by_filter + f * all;
    const std::uint8_t* at = choice + f;
    const float* g = gradient + f;
    std::size_t count = 0;
    for (std::size_t y = 0; y < rows; ++y) {
      std::int32_t corner = static_cast<std::int32_t>(y) * 2 * pitch;
      for (std::size_t x = 0; x < columns; ++x, at += filters, g += filters, corner += 2 * channels) {
        list[count] = {corner + step[*at], *g};
        count += 1u - (*at >> 2);  // dead is 4, the living are less
      }
    }
    filter_counts[f] = static_cast<std::int32_t>(count);
  }
}

void Lists::build_by_window(const float* gradient, const std::uint8_t* choice) {
  const std::size_t filters = shape.filters, all = windows(shape);
  const auto a_filter = static_cast<std::int32_t>(25 * shape.channels);
  // The five counts share one register, twelve bits each: in memory, each would have to wait for the store before it.
  constexpr unsigned bits = 12, mask = (1u << bits) - 1;
  for (std::size_t w = 0; w < all; ++w, gradient += filters, choice += filters) {
    Entry* const lists = by_window + w * 4 * filters;
    std::uint64_t counts = 0;
    std::int32_t offset = 0;
    for (std::size_t f = 0; f < filters; ++f, offset += a_filter) {
      const unsigned at = choice[f], shift = at * bits;
      lists[at * filters + ((counts >> shift) & mask)] = {offset, gradient[f]};
      counts += std::uint64_t{1} << shift;
    }
    for (unsigned at = 0; at < 4; ++at)
      window_counts[w * 4 + at] = static_cast<std::int32_t>((counts >> (at * bits)) & mask);
  }
}

}  // namespace sidestep::kernels::cpu
