#pragma once

#include <cstdint>
#include <span>

namespace sidestep::test {

/// What came of one of the fuzzer's inputs: whether it reaches what lies behind a whole event.
struct HostileReading {
  std::uint64_t events = 0;  ///< that were handed out
  std::uint64_t values = 0;  ///< of their fields, by the definitions in that memory
  std::uint64_t missed = 0;  ///< numbers that were counted as overwritten
};

/// Watches a bus that lies in memory which `input` wrote. Aborts where something happens that must not.
HostileReading read_hostile_bus(std::span<const std::uint8_t> input);

}  // namespace sidestep::test
