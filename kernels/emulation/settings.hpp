#pragma once

/// What the environment says about the emulation.

#include <cstdint>

namespace sidestep::emulation::detail {

struct Settings {
  std::uint64_t seed = 1;  ///< SIDESTEP_EMULATION_SEED; atomic, set_seed() changes it
  /// SIDESTEP_EMULATION_FRESH_FIBERS=1: slow, finds what a fiber's past hides from ThreadSanitizer.
  bool fresh_fibers = false;
};

Settings& settings();

/// Of two numbers, one that looks like neither.
std::uint64_t mixed(std::uint64_t a, std::uint64_t b);

}  // namespace sidestep::emulation::detail
