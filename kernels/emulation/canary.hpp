#pragma once

/// What stands around arrays where AddressSanitizer doesn't watch: as a float a signalling NaN, so that a read shows in
/// the results, and arithmetic never writes the same bits back.

#include <cstddef>
#include <cstdint>

namespace sidestep::emulation::detail {

inline std::uint8_t canary_at(std::uintptr_t address) { return address % 4 == 3 ? 0xFF : 0xA5; }

inline void fill_canary(void* memory, std::size_t bytes) {
  const auto first = reinterpret_cast<std::uintptr_t>(memory);
  for (std::size_t i = 0; i < bytes; ++i) static_cast<std::uint8_t*>(memory)[i] = canary_at(first + i);
}

inline bool is_canary(const void* byte) {
  return *static_cast<const std::uint8_t*>(byte) == canary_at(reinterpret_cast<std::uintptr_t>(byte));
}

}  // namespace sidestep::emulation::detail
