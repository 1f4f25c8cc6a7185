#pragma once

#include <sidestep/bus/log_catalog.hpp>

#include <filesystem>
#include <functional>
#include <map>
#include <type_traits>
#include <utility>

namespace sidestep {

/// Blocks of a log that can't be read, side by side.
struct LogDamage {
  std::uint64_t offset = 0, bytes = 0;  ///< in the file; no bytes: they are missing
  std::uint32_t first_block = 0, last_block = 0;
};

/// How a log ends.
enum class LogEnd : std::uint8_t {
  closed,   ///< its recorder closed it
  open,     ///< behind a whole block, and nobody closed it: still being written, or its process was killed
  torn,     ///< within a block that was never written whole: its process was killed, or is writing it now
  damaged,  ///< behind the last whole block stands one that can't be read
};

/// Reads a log, whatever has become of it: whole blocks are read, bad ones are named and passed over, a torn tail is
/// told apart. Nothing that a file says is believed unchecked.
///
///   LogReader log("runs/a/events.log");
///   log.for_each([&](const LoggedEvent& event) { fmt::print("{}\n", log.catalog().type_name(event.type)); });
///
/// A log that is still being written can be read on: for_each and next_block take what has come since.
class LogReader {
 public:
  /// Throws LogError: there is no such file, it is no log, of a newer version, cut off within its first block, or
  /// wholly damaged.
  explicit LogReader(const std::filesystem::path& path);
  ~LogReader();
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }
  /// When it was begun; 0 where no whole block says it.
  Nanoseconds began() const noexcept { return began_; }
  std::uint64_t file_size() const;

  /// Reads the next whole block. False: there is none (yet).
  bool next_block();
  const log_format::BlockHeader& block() const noexcept { return header_; }
  /// Where it begins in the file.
  std::uint64_t block_offset() const noexcept { return block_offset_; }
  /// Types, names and rings of all blocks that were read, and of those before if one was sought.
  const LogCatalog& catalog() const noexcept { return catalog_; }
  /// Calls f with each event of the block, in order. If f returns a bool, false ends it.
  template <class F>
  void events(F&& f) {
    std::uint64_t skip = std::exchange(skip_, 0);
    const bool sound = decode(
        records_,
        [&](const LoggedEvent& event) {
          if (skip > 0) [[unlikely]]
            return --skip, true;
          if constexpr (std::is_same_v<decltype(f(event)), bool>)
            return f(event);
          else
            return f(event), true;
        },
        [](std::uint8_t, std::span<const std::byte>) { return true; });
    if (!sound) note_damage(block_offset_, header_.pages * log_format::page, header_.number, header_.number);
  }
  /// Reads all blocks that are left.
  template <class F>
  void for_each(F&& f) {
    bool more = true;
    while (more && next_block())
      events([&](const LoggedEvent& event) {
        if constexpr (std::is_same_v<decltype(f(event)), bool>)
          return more = f(event);
        else
          return f(event), true;
      });
  }

  /// What couldn't be read so far, in the order of the file.
  std::vector<LogDamage> damage() const;
  /// Meaningful once next_block() said false.
  LogEnd end() const noexcept { return end_; }
  /// Bytes behind the last whole block, which are no whole block.
  std::uint64_t tail_bytes() const noexcept { return tail_bytes_; }

  // ---- going elsewhere: each of these says false, and stays, if there is no such event

  void rewind() noexcept;
  /// To the first event, in the order of the file, of this step or a later one.
  bool seek_step(Step step);
  /// To the first event that was stamped then or later.
  bool seek_time(Nanoseconds time);
  /// To the event with this number in this ring, or the first behind it.
  bool seek_sequence(std::uint32_t ring, Sequence sequence);

  /// What the headers of the blocks say, without reading the rest; renewed when the log has grown.
  struct Entry {
    std::uint64_t offset;
    log_format::BlockHeader header;
  };
  const std::vector<Entry>& index();
  /// To the block of that entry of the index; behind them all: to the end.
  void go_to_block(std::size_t entry);
  /// Reads the definitions of all blocks.
  void read_definitions();

 private:
  template <class F, class D>
  static bool decode(std::span<const std::byte> records, F&& event, D&& definition);

  enum class Load : std::uint8_t { whole, none, torn, bad_header, bad_body };
  Load load(std::uint64_t offset);
  Load load_header(std::uint64_t offset, log_format::BlockHeader& header) const;
  bool acceptable(const log_format::BlockHeader& header) const noexcept;
  bool unpack();
  std::uint64_t find_header(std::uint64_t from, std::uint64_t limit, log_format::BlockHeader& header) const;
  void identify();
  void note_damage(std::uint64_t offset, std::uint64_t bytes, std::uint32_t first, std::uint32_t last);
  void look_at_tail(Load found);
  bool take_definitions();
  void define_up_to(std::uint64_t offset);
  struct Place {
    std::uint64_t offset;
    log_format::BlockHeader header;
    bool was_read;
  };
  Place place() const noexcept { return {block_offset_, header_, !records_.empty()}; }
  void stay(const Place& here);
  bool seek(std::size_t first_entry, const std::function<bool(const log_format::BlockHeader&)>& may_hold,
            const std::function<bool(const LoggedEvent&)>& wanted);

  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t log_ = 0;
  Nanoseconds began_ = 0;
  std::vector<std::byte> bytes_, unpacked_;  // one block and slack each
  std::span<const std::byte> records_;
  log_format::BlockHeader header_{};
  std::uint64_t block_offset_ = 0, offset_ = 0;  // of the block that was read, of the next
  std::uint32_t expected_ = 0;                   // the number of the next block
  std::uint64_t skip_ = 0, sought_skip_ = 0;     // events of the block that was sought, once it and before it is read
  LogCatalog catalog_;
  std::map<std::uint64_t, LogDamage> damage_;
  LogEnd end_ = LogEnd::open;
  std::uint64_t tail_bytes_ = 0, closed_at_ = 0;
  std::vector<Entry> index_;
  std::uint64_t indexed_ = 0, defined_ = 0;  // the file is in the index to here; definitions are read to here
};

/// Walks a block's records. False: they make no sense from somewhere on.
template <class F, class D>
bool LogReader::decode(std::span<const std::byte> records, F&& take_event, D&& take_definition) {
  using namespace log_format;
  const std::byte* at = records.data();
  const std::byte* const end = at + records.size();
  LoggedEvent event{};
  const auto left = [&] { return static_cast<std::size_t>(end - at); };
  while (at != end) {
    if (left() < sizeof(EventRecord)) return false;
    EventRecord record;
    std::memcpy(&record, at, sizeof record);
    at += sizeof record;
    if (record.type == 0) [[unlikely]] {
      const auto definition = std::bit_cast<DefinitionRecord>(record);
      if (definition.size > left() || !take_definition(definition.what, std::span(at, definition.size))) return false;
      at += definition.size;
      continue;
    }
    if (record.flags == 0) [[likely]] {
      ++event.sequence;
    } else {
      const std::size_t needed =
          ((record.flags & moved) != 0 ? sizeof(Moved) : 0) + ((record.flags & full_stamp) != 0 ? 8 : 0);
      if ((record.flags & ~(moved | full_stamp)) != 0 || left() < needed) return false;
      if ((record.flags & moved) != 0) {
        Moved place;
        std::memcpy(&place, at, sizeof place);
        at += sizeof place;
        event.ring = place.ring;
        event.sequence = place.sequence;
      } else {
        ++event.sequence;
      }
      if ((record.flags & full_stamp) != 0) {
        std::memcpy(&event.stamp, at, sizeof event.stamp);
        at += sizeof event.stamp;
      }
    }
    if (record.size > Slot::body_size || record.size > left()) return false;
    event.type = record.type;
    event.size = record.size;
    event.stamp = static_cast<Nanoseconds>(static_cast<std::uint64_t>(event.stamp) + record.after);
    event.body = at;
    if (!take_event(std::as_const(event))) return true;
    at += record.size;
  }
  return true;
}

}  // namespace sidestep
