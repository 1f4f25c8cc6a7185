#pragma once

#include <array>
#include <cstdint>

namespace sidestep::kernels {

/// Four 32-bit words with names, so that a GPU keeps them in registers.
struct Words4 {
  std::uint32_t x = 0, y = 0, z = 0, w = 0;
};

/// Philox4x32-10: four random words from a 128-bit counter and a 64-bit key, without any state, so that the n-th number
/// is the same whoever asks for it and in whatever order (Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3,
/// 2011). Callable from device code: nvcc needs --expt-relaxed-constexpr.
constexpr Words4 philox_words(Words4 counter, std::uint64_t key) {
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * counter.x;
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * counter.z;
    counter = {static_cast<std::uint32_t>(p1 >> 32) ^ counter.y ^ k0, static_cast<std::uint32_t>(p1),
               static_cast<std::uint32_t>(p0 >> 32) ^ counter.w ^ k1, static_cast<std::uint32_t>(p0)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return counter;
}

/// The same on arrays.
constexpr std::array<std::uint32_t, 4> philox(const std::array<std::uint32_t, 4>& counter, std::uint64_t key) {
  const Words4 words = philox_words({counter[0], counter[1], counter[2], counter[3]}, key);
  return {words.x, words.y, words.z, words.w};
}

/// A word as a number in [0, 1), 24 bits of it, so that every value is exact in a float.
constexpr float unit_interval(std::uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }

}  // namespace sidestep::kernels
