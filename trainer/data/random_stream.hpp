#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include <sidestep/kernels/philox.hpp>

namespace sidestep {

/// What a stream's random numbers are for. Each purpose has numbers of its own, so adding one changes no other.
/// (0 is the kernels': initial weights.)
enum class Purpose : std::uint32_t { data_order = 1 };

/// A sequence of random numbers, given by (seed, purpose, index) alone: its whole state is how far one has read.
class RandomStream {
 public:
  constexpr RandomStream(std::uint64_t seed, Purpose purpose, std::uint32_t index)
      : seed_(seed), purpose_(static_cast<std::uint32_t>(purpose)), index_(index) {}

  constexpr std::uint32_t next() {
    const auto lane = static_cast<std::size_t>(drawn_ % 4);
    if (lane == 0) {
      const std::uint64_t block = drawn_ / 4;
      block_ = kernels::philox(
          {static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), index_, purpose_}, seed_);
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

 private:
  std::uint64_t seed_;
  std::uint32_t purpose_;
  std::uint32_t index_;
  std::uint64_t drawn_ = 0;
  std::array<std::uint32_t, 4> block_{};
};

}  // namespace sidestep
