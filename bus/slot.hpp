#pragma once

#include <sidestep/bus/types.hpp>

#include <bit>
#include <cstddef>

namespace sidestep {

using EventId = std::uint16_t;

/// One event on the bus: exactly one cache line, so that handing it over moves exactly one.
/// `sequence` is written last; a reader that sees the number it expects, and its check, sees the whole slot (ring.hpp).
/// The number lies in the first half of the line and the check in the second: a CPU may store 64 bytes as two halves.
struct alignas(cache_line) Slot {
  static constexpr std::size_t body_size = 40;

  Sequence sequence;  ///< in its ring; 0 in a slot that was never written
  Nanoseconds stamp;  ///< when the event happened, by the publisher's clock
  std::byte body[body_size];
  EventId type;
  std::uint8_t size;
  std::uint8_t check;  ///< check_of(sequence)
  std::uint32_t ring;  ///< that it came through: Ring::id

  template <class E>
  const E& as() const noexcept {
    return *reinterpret_cast<const E*>(body);
  }
};
static_assert(sizeof(Slot) == cache_line);

static_assert(offsetof(Slot, type) == cache_line - 8);

/// Of a ring. With more of them a check would be that of the event a lap before.
inline constexpr std::uint64_t most_slots = std::uint64_t{1} << 32;

/// Of an event's number: never 0, and another one than that of the number a ring's capacity (a power of two, of at most
/// `most_slots`) before it: no seven bits of the factor are equal.
inline constexpr std::uint64_t check_factor = 0xB5AD4ECEDA1CE2A9;
constexpr std::uint8_t check_of(Sequence number) noexcept {
  return static_cast<std::uint8_t>((number * check_factor) >> 56 | 1);
}

/// `type`, `size`, `check` and `ring` as they lie in a slot.
constexpr std::uint64_t slot_header(EventId type, std::uint8_t size, std::uint8_t check, std::uint32_t ring) noexcept {
  struct Header {
    EventId type;
    std::uint8_t size, check;
    std::uint32_t ring;
  };
  return std::bit_cast<std::uint64_t>(Header{type, size, check, ring});
}

}  // namespace sidestep
