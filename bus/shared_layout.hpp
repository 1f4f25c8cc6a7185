#pragma once

#include <sidestep/bus/ring_memory.hpp>
#include <sidestep/bus/told.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

/// How a bus lies in memory that other processes can read: docs/watch.md says it in words.
///
///   Header | definitions, as in a log (log_format.hpp), appended | RingEntry* | slots of rings
namespace sidestep::shared_layout {

inline constexpr std::array<std::uint8_t, 8> magic{0x89, 'S', 'S', 'B', 'U', 'S', 0x1a, '\n'};
inline constexpr std::uint32_t version = 2;

inline constexpr std::size_t definitions_size = std::size_t{1} << 20;  ///< of types, names and rings
inline constexpr std::size_t most_rings = 1024;                        ///< that a bus ever has
inline constexpr std::size_t most_bytes = std::size_t{1} << 32;        ///< of all; a watcher takes no more
inline constexpr std::size_t most_definitions = std::size_t{1} << 24;  ///< bytes; a watcher takes no more

/// What stands at the begin. All but the last lines never changes.
struct alignas(cache_line) Header {
  std::array<std::uint8_t, 8> magic;
  std::uint32_t version;
  std::uint32_t process;  ///< its number
  Nanoseconds began;
  std::uint64_t definitions_at, definitions_size;
  std::uint64_t rings_at, most_rings;
  std::uint64_t reserved;

  alignas(cache_line) std::uint64_t definitions;  ///< bytes of them that are there (release)
  std::uint64_t rings;                            ///< entries that are there (release)
  std::uint64_t definitions_lost;                 ///< that found no room (relaxed)
  std::uint64_t rings_unshared;                   ///< rings that found no room: nobody can watch them (relaxed)
  std::uint64_t closed;                           ///< 1: the bus was closed (release)
};
static_assert(sizeof(Header) == 2 * cache_line);

/// One ring, from the moment that it is made; never used again for another.
struct alignas(no_sharing) RingEntry {
  std::uint64_t at;        ///< its slots
  std::uint64_t capacity;  ///< how many
  Sequence first;          ///< the number of its first event
  alignas(no_sharing) RingTraces traces;
};
static_assert(sizeof(RingEntry) == 2 * no_sharing);

/// What a watcher is told when it comes; the memory's descriptor comes with it.
struct Hello {
  std::array<std::uint8_t, 8> magic;
  std::uint32_t version;
  std::uint32_t welcome;  ///< 0: there are too many watchers already
};

}  // namespace sidestep::shared_layout
