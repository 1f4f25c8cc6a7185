#pragma once

#include <sidestep/bus/ring.hpp>

#include <limits>

namespace sidestep {

/// The last event's that a ring of this capacity can have: its limit is less than what stands for memory that was taken
/// away (WatchedRing::taken_away).
constexpr Sequence greatest_number(std::size_t capacity) noexcept {
  return std::numeric_limits<Sequence>::max() - 1 - capacity;
}

}  // namespace sidestep
