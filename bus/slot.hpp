#pragma once

#include <sidestep/bus/types.hpp>

#include <bit>

namespace sidestep {

using EventId = std::uint16_t;

/// One event on the bus: exactly one cache line, so that handing it over moves exactly one.
/// `sequence` is written last; a reader that sees the number it expects sees the whole slot (ring.hpp).
struct alignas(cache_line) Slot {
  static constexpr std::size_t body_size = 40;

  Sequence sequence;  ///< in its ring; 0 in a slot that was never written
  Nanoseconds stamp;  ///< when the event happened, by the publisher's clock
  EventId type;
  std::uint16_t size;
  std::uint32_t ring;  ///< that it came through: Ring::id
  std::byte body[body_size];

  template <class E>
  const E& as() const noexcept { return *reinterpret_cast<const E*>(body); }
};
static_assert(sizeof(Slot) == cache_line);

/// `type`, `size` and `ring` as they lie in a slot.
constexpr std::uint64_t slot_header(EventId type, std::uint16_t size, std::uint32_t ring) noexcept {
  struct Header { EventId type; std::uint16_t size; std::uint32_t ring; };
  return std::bit_cast<std::uint64_t>(Header{type, size, ring});
}

}  // namespace sidestep
