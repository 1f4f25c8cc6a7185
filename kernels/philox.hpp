#pragma once

#include <array>
#include <cstdint>

namespace sidestep::kernels {

/// Philox4x32-10: four random words from a 128-bit counter and a 64-bit key, without any state, so that the n-th number
/// is the same whoever asks for it and in whatever order (Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3,
/// 2011).
constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::uint64_t key) {
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ k0, static_cast<std::uint32_t>(p1),
               static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ k1, static_cast<std::uint32_t>(p0)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return counter;
}

/// A word as a number in [0, 1), 24 bits of it, so that every value is exact in a float.
constexpr float unit_interval(std::uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }

}  // namespace sidestep::kernels
