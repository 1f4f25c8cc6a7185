#pragma once
#include <array>
#include <cstdint>

namespace sidestep {

/// Philox4x32-10: random bits as a pure function of (key, counter), the same on every machine.
/// Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t left = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t right = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(right >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(right),
               static_cast<std::uint32_t>(left >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(left)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

/// What random bits are for. Each purpose has bits of its own, so adding one changes no other.
enum class Purpose : std::uint32_t { data_order = 1, initial_weights = 2 };

/// A sequence of random numbers, given by (seed, purpose, index) alone: its whole state is how far one has read.
class RandomStream {
 public:
  constexpr RandomStream(std::uint64_t seed, Purpose purpose, std::uint32_t index)
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        purpose_(static_cast<std::uint32_t>(purpose)),
        index_(index) {}

  constexpr std::uint32_t next() {
    const auto lane = static_cast<std::size_t>(drawn_ % 4);
    if (lane == 0) {
      const std::uint64_t block = drawn_ / 4;
      block_ =
          philox({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), index_, purpose_}, key_);
    }
    ++drawn_;
    return block_[lane];
  }

  /// Uniform in [0, bound), without bias. Lemire: "Fast random integer generation in an interval", 2019.
  constexpr std::uint32_t below(std::uint32_t bound) {
    std::uint64_t product = std::uint64_t{next()} * bound;
    if (static_cast<std::uint32_t>(product) < bound) {
      const std::uint32_t threshold = -bound % bound;
      while (static_cast<std::uint32_t>(product) < threshold) product = std::uint64_t{next()} * bound;
    }
    return static_cast<std::uint32_t>(product >> 32);
  }

  /// Uniform in [0, 1), a multiple of 2^-24.
  constexpr float uniform() { return static_cast<float>(next() >> 8) * 0x1p-24F; }

 private:
  std::array<std::uint32_t, 2> key_;
  std::uint32_t purpose_;
  std::uint32_t index_;
  std::uint64_t drawn_ = 0;
  std::array<std::uint32_t, 4> block_{};
};

}  // namespace sidestep
