#pragma once

#include <cstdint>

namespace sidestep::emulation::detail {

/// The first multiple of `to` from n on.
constexpr std::uint64_t round_up(std::uint64_t n, std::uint64_t to) { return (n + to - 1) / to * to; }

}  // namespace sidestep::emulation::detail
