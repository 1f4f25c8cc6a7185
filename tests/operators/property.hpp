#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace sidestep::test {

/// What turned out not to hold for: all that is drawn follows from the seed, and of its elements these are left.
struct Counterexample {
  std::uint64_t seed = 0;
  std::vector<std::size_t> kept;
};

/// Whether `holds(seed, kept)` for `rounds` seeds, each with all of its `length(seed)` elements. The first for which it
/// doesn't is made as short as it goes. (By rapidcheck, whose header would cost each test's file seconds.)
/// RC_PARAMS="seed=7" draws others.
std::optional<Counterexample> counterexample(
    int rounds, const std::function<std::size_t(std::uint64_t seed)>& length,
    const std::function<bool(std::uint64_t seed, const std::vector<std::size_t>& kept)>& holds);

}  // namespace sidestep::test
