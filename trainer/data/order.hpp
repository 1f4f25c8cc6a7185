#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace sidestep {

/// Which epoch's order: all that it depends on, besides the number of samples.
struct OrderKey {
  std::uint64_t seed = 1;
  std::uint32_t epoch = 1;  ///< counted from 1
};

/// Fills `order` with a random permutation of 0 ... size-1: a pure function of (key, size), the same on every machine
/// and with every standard library. So a resumed run needs (seed, epoch, position) and nothing else. Fisher-Yates over
/// Philox; about 1 ms for 55,000 samples.
void epoch_order(OrderKey key, std::span<std::uint32_t> order);

/// The same in a vector of its own.
std::vector<std::uint32_t> epoch_order(OrderKey key, std::uint32_t count);

}  // namespace sidestep
