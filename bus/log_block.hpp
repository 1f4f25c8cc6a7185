#pragma once

#include <sidestep/bus/field_layout.hpp>
#include <sidestep/bus/log_format.hpp>
#include <sidestep/bus/slot.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sidestep {

enum class Stream : std::uint8_t;

/// An event type as a log describes it.
struct LoggedType {
  EventId id = 0;
  std::uint16_t size = 0;
  std::string name;
  std::vector<FieldLayout> fields;

  const FieldLayout* field(std::string_view wanted) const noexcept {
    const auto found =
        std::find_if(fields.begin(), fields.end(), [&](const FieldLayout& each) { return each.name == wanted; });
    return found != fields.end() ? &*found : nullptr;
  }
  /// Its step; null: it has none.
  const FieldLayout* step() const noexcept {
    const FieldLayout* const found = field("step");
    return found != nullptr && found->kind == FieldKind::integer && found->size == 8 ? found : nullptr;
  }
  friend bool operator==(const LoggedType&, const LoggedType&) = default;
};

/// A producer's ring as a log describes it.
struct LoggedRing {
  std::uint32_t id = 0;
  Stream stream{};
  std::string name;
};

/// One block in memory, as it will lie on the disk.
struct LogBlock {
  log_format::BlockHeader header;
  std::byte body[log_format::capacity + log_format::slack];

  std::span<const std::byte> on_disk() const noexcept {
    return {reinterpret_cast<const std::byte*>(this), header.pages * log_format::page};
  }
};
static_assert(offsetof(LogBlock, body) == log_format::header_size);

/// Fills blocks with events and definitions. Whoever owns it gives it a block, fills it until something doesn't fit,
/// and goes on with another one.
class LogBlockFiller {
 public:
  LogBlockFiller() { repeat_.reserve(log_format::most_repeated); }
  void begin(LogBlock& block) noexcept;
  LogBlock* block() noexcept { return block_; }
  bool empty() const noexcept { return block_ == nullptr || at_ == repeated_; }

  bool has_room_for_event() const noexcept { return at_ + log_format::longest_event <= log_format::capacity; }
  bool has_room(std::size_t bytes) const noexcept { return at_ + bytes <= log_format::capacity; }

  /// `body` is 40 bytes that can be read; there is room. `step_at`: where its step lies, or less than 0.
  void add(EventId type, std::size_t size, std::uint32_t ring, Sequence sequence, Nanoseconds stamp,
           const std::byte* body, int step_at) noexcept {
    using namespace log_format;
    std::byte* to = block_->body + at_;
    EventRecord record{.type = type, .size = static_cast<std::uint8_t>(size), .flags = 0, .after = 0};
    const auto after = static_cast<std::uint64_t>(stamp) - static_cast<std::uint64_t>(stamp_);
    std::byte* rest = to + sizeof record;
    if (ring != ring_ || sequence != next_ || events_ == 0) [[unlikely]] {
      record.flags = moved;
      const Moved place{.ring = ring, .reserved = 0, .sequence = sequence};
      std::memcpy(rest, &place, sizeof place);
      rest += sizeof place;
      ring_ = ring;
    }
    if (after > std::numeric_limits<std::uint32_t>::max() || events_ == 0) [[unlikely]] {
      record.flags |= full_stamp;
      std::memcpy(rest, &stamp, sizeof stamp);
      rest += sizeof stamp;
      if (events_ == 0) first_event(ring, sequence, stamp);
    } else {
      record.after = static_cast<std::uint32_t>(after);
    }
    std::memcpy(to, &record, sizeof record);
    std::memcpy(rest, body, Slot::body_size);
    at_ = static_cast<std::size_t>(rest - block_->body) + size;
    next_ = sequence + 1;
    stamp_ = stamp;
    ++events_;
    earliest_ = std::min(earliest_, stamp);
    latest_ = std::max(latest_, stamp);
    if (step_at >= 0) {
      std::int64_t step;
      std::memcpy(&step, body + step_at, sizeof step);
      least_step_ = std::min(least_step_, step);
      greatest_step_ = std::max(greatest_step_, step);
    }
  }
  /// A definition as encode() makes it; there is room. The next block will repeat it.
  void define(std::span<const std::byte> record) noexcept;

  /// The block is full enough: writes its header. The rest (number, checksums) is seal()'s.
  LogBlock& end() noexcept;

 private:
  void first_event(std::uint32_t ring, Sequence sequence, Nanoseconds stamp) noexcept;

  LogBlock* block_ = nullptr;
  std::size_t at_ = 0, repeated_ = 0;
  std::uint32_t events_ = 0, ring_ = 0;
  Sequence next_ = 0;
  Nanoseconds stamp_ = 0, earliest_ = 0, latest_ = 0;
  std::int64_t least_step_ = 0, greatest_step_ = 0;
  bool defines_ = false;
  std::vector<std::byte> repeat_;  // of the block that is being filled, for the next
};

namespace log_format {

std::vector<std::byte> encode(const LoggedType& type);
std::vector<std::byte> encode(const LoggedRing& ring);
std::vector<std::byte> encode_name(std::uint32_t id, std::string_view text);

/// What holds for all blocks of a log.
struct LogIdentity {
  std::uint64_t log = 0;
  std::int64_t began = 0;
};

/// Of a new log.
LogIdentity new_identity(Nanoseconds began);

/// Compresses if asked, pads, numbers and checks a block that was filled. `scratch` is used if it is compressed, and
/// then what is returned. Null never.
LogBlock& seal(LogBlock& filled, const LogIdentity& identity, std::uint32_t number, std::uint64_t events_before,
               bool is_last, int compression, LogBlock* scratch);

}  // namespace log_format
}  // namespace sidestep
