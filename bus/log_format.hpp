#pragma once

#include <sidestep/bus/types.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>

/// How a log of events lies on the disk; docs/log.md says it in words.
///
///   log     block*                       one behind the other, each as long as its header says
///   block   BlockHeader record* zeros    a multiple of 4 KiB, at most 64 KiB; the records perhaps compressed as one zstd frame
///   record  EventRecord ...  |  DefinitionRecord ...
namespace sidestep {

/// A log that can't be written or read. `what()` is one sentence: where, what, the mend.
class LogError : public std::runtime_error {
 public:
  enum class Kind : std::uint8_t {
    file,       ///< the system says no: it isn't there, it exists already, it can't be read, the disk is full
    foreign,    ///< not a log
    newer,      ///< written by a later version of this library
    truncated,  ///< cut off within its first block
    damaged,    ///< a log, but not one of its blocks is whole
    mismatch,   ///< a type that this program knows otherwise, a ring or a step that the log doesn't have
    refused,    ///< it can't be replayed into this bus: a loop is attached to it, or the log has too many rings
  };
  LogError(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

namespace log_format {

static_assert(std::endian::native == std::endian::little, "logs are little endian, and read and written as they lie");

inline constexpr std::array<std::uint8_t, 8> magic{0x89, 'S', 'S', 'L', 'O', 'G', 0x1a, '\n'};
inline constexpr std::uint16_t version = 1;
/// Numbers of names are smaller; a greater one is a field that was never written.
inline constexpr std::uint32_t name_ids = 1 << 24;
inline constexpr std::size_t page = 4096, block_size = 65536;
/// Behind a buffer of records, so that whole bodies can be copied without a look at its end.
inline constexpr std::size_t slack = 64;

enum BlockFlags : std::uint8_t {
  has_definitions = 1,  ///< of types, names or rings
  compressed = 2,       ///< its records are one zstd frame
  last = 4,             ///< the log was closed behind it
};

/// Before each block's records. What tells a log, a version and a block's wholeness (the first 40 bytes) never changes.
struct BlockHeader {
  std::array<std::uint8_t, 8> magic;
  std::uint16_t version;
  std::uint8_t flags;
  std::uint8_t pages;                      ///< of 4 KiB, that the block takes
  std::uint32_t number;                    ///< of the block: 0, 1, 2 ...
  std::uint64_t log;                       ///< drawn at random: all blocks of a log have the same
  std::uint64_t header_check;              ///< XXH3 of this header, this field being 0
  std::uint64_t body_check;                ///< XXH3 of what follows the header, the zeros too
  std::uint32_t used;                      ///< bytes of records
  std::uint32_t stored;                    ///< bytes that they take here: fewer than `used` if compressed
  std::uint32_t events;                    ///< records of events
  std::uint32_t ring;                      ///< of the first event
  Sequence sequence;                       ///< of the first event in its ring
  Nanoseconds stamp;                       ///< of the first event
  Nanoseconds earliest, latest;            ///< of all events
  std::int64_t least_step, greatest_step;  ///< of all that have a field `step`; least > greatest: none has
  std::int64_t began;                      ///< when the log was begun
  std::uint64_t events_before;             ///< in the blocks before
  std::uint64_t reserved;
};
static_assert(sizeof(BlockHeader) == 128);

inline constexpr std::size_t header_size = sizeof(BlockHeader), capacity = block_size - header_size;

/// An event: this; if `moved` a Moved; if `full_stamp` the stamp; then `size` bytes of body.
struct EventRecord {
  std::uint16_t type;  ///< never 0
  std::uint8_t size;
  std::uint8_t flags;
  std::uint32_t after;  ///< nanoseconds since the stamp of the event before it in its block
};
inline constexpr std::uint8_t moved = 1;       ///< it isn't the next event of the same ring
inline constexpr std::uint8_t full_stamp = 2;  ///< an 8-byte stamp of its own: `after` is 0
struct Moved {
  std::uint32_t ring;
  std::uint32_t reserved;
  Sequence sequence;
};
inline constexpr std::size_t longest_event = sizeof(EventRecord) + sizeof(Moved) + sizeof(Nanoseconds) + 40;

/// A definition: this, then `size` bytes. It comes before whatever it defines is used; the definitions of a block are
/// repeated at the head of the next, so that one lost block takes no meaning with it.
struct DefinitionRecord {
  std::uint16_t zero;
  std::uint8_t what;
  std::uint8_t reserved;
  std::uint32_t size;
};
struct Defined {
  static constexpr std::uint8_t type = 1, name = 2, ring = 3;
};
static_assert(sizeof(EventRecord) == 8 && sizeof(Moved) == 16 && sizeof(DefinitionRecord) == 8);

inline constexpr std::size_t longest_text = 4096;    ///< of a name; longer ones are cut
inline constexpr std::size_t most_repeated = 16384;  ///< bytes of definitions that a block repeats

std::uint64_t checksum(std::span<const std::byte> bytes) noexcept;
/// The header's own, whatever its field says.
std::uint64_t header_checksum(BlockHeader header) noexcept;

/// A header that is whole, of whatever version.
bool whole(const BlockHeader& header) noexcept;
/// One of this version that is whole, and whose numbers are possible.
bool sound(const BlockHeader& header) noexcept;

}  // namespace log_format
}  // namespace sidestep
