#include <sidestep/bus/log_block.hpp>

#include <zstd.h>

#include <random>

namespace sidestep {

using namespace log_format;

void LogBlockFiller::begin(LogBlock& block) noexcept {
  block_ = &block;
  at_ = 0;
  events_ = 0;
  next_ = 0, stamp_ = 0;
  earliest_ = least_step_ = std::numeric_limits<std::int64_t>::max();
  latest_ = greatest_step_ = std::numeric_limits<std::int64_t>::min();
  defines_ = !repeat_.empty();
  std::memcpy(block.body, repeat_.data(), repeat_.size());
  at_ = repeated_ = repeat_.size();
  repeat_.clear();
  block.header = {};
}

void LogBlockFiller::first_event(std::uint32_t ring, Sequence sequence, Nanoseconds stamp) noexcept {
  block_->header.ring = ring;
  block_->header.sequence = sequence;
  block_->header.stamp = stamp;
}

void LogBlockFiller::define(std::span<const std::byte> record) noexcept {
  std::memcpy(block_->body + at_, record.data(), record.size());
  at_ += record.size();
  defines_ = true;
  if (repeat_.size() + record.size() <= most_repeated) repeat_.insert(repeat_.end(), record.begin(), record.end());
}

LogBlock& LogBlockFiller::end() noexcept {
  BlockHeader& header = block_->header;
  header.flags = defines_ ? has_definitions : 0;
  header.used = header.stored = static_cast<std::uint32_t>(at_);
  header.events = events_;
  header.earliest = events_ > 0 ? earliest_ : 0;
  header.latest = events_ > 0 ? latest_ : 0;
  header.least_step = least_step_;
  header.greatest_step = greatest_step_;
  LogBlock& done = *block_;
  block_ = nullptr;
  return done;
}

namespace log_format {
namespace {

/// At most `most` bytes, cut between characters (UTF-8).
std::string_view cut_text(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

class DefinitionBytes {
 public:
  explicit DefinitionBytes(std::uint8_t what) {
    number(DefinitionRecord{.zero = 0, .what = what, .reserved = 0, .size = 0});
  }
  template <class T>
  void number(const T& value) {
    append(&value, sizeof value);
  }
  void text(std::string_view text) { append(text.data(), text.size()); }
  std::vector<std::byte> take() && {
    const auto size = static_cast<std::uint32_t>(bytes_.size() - sizeof(DefinitionRecord));
    std::memcpy(bytes_.data() + offsetof(DefinitionRecord, size), &size, sizeof size);
    return std::move(bytes_);
  }

 private:
  void append(const void* from, std::size_t size) {
    bytes_.resize(bytes_.size() + size);
    std::memcpy(bytes_.data() + bytes_.size() - size, from, size);
  }
  std::vector<std::byte> bytes_;
};

}  // namespace

/// id, size, number of fields, length of the name, the name; for each field kind, offset, size, length of its name, the
/// name.
std::vector<std::byte> encode(const LoggedType& type) {
  DefinitionBytes bytes(Defined::type);
  const std::string_view name = cut_text(type.name, longest_text);
  const std::size_t fields = std::min<std::size_t>(type.fields.size(), 64);
  bytes.number(type.id);
  bytes.number(type.size);
  bytes.number(static_cast<std::uint16_t>(fields));
  bytes.number(static_cast<std::uint16_t>(name.size()));
  bytes.text(name);
  for (std::size_t i = 0; i < fields; ++i) {
    const FieldLayout& field = type.fields[i];
    const std::string_view field_name = cut_text(field.name, 255);
    bytes.number(field.kind);
    bytes.number(field.offset);
    bytes.number(field.size);
    bytes.number(static_cast<std::uint8_t>(field_name.size()));
    bytes.text(field_name);
  }
  return std::move(bytes).take();
}

std::vector<std::byte> encode(const LoggedRing& ring) {
  DefinitionBytes bytes(Defined::ring);
  bytes.number(ring.id);
  bytes.number(static_cast<std::uint32_t>(ring.stream));
  bytes.text(cut_text(ring.name, longest_text));
  return std::move(bytes).take();
}

std::vector<std::byte> encode_name(std::uint32_t id, std::string_view text) {
  DefinitionBytes bytes(Defined::name);
  bytes.number(id);
  bytes.text(cut_text(text, longest_text));
  return std::move(bytes).take();
}

LogIdentity new_identity(Nanoseconds began) {
  std::random_device device;
  return {.log = (std::uint64_t{device()} << 32) | device(), .began = began};
}

LogBlock& seal(LogBlock& filled, const LogIdentity& identity, std::uint32_t number, std::uint64_t events_before,
               bool is_last, int compression, LogBlock* scratch) {
  LogBlock* block = &filled;
  if (compression > 0 && scratch != nullptr && filled.header.used > 0) {
    // no larger than the block: then it isn't worth it
    const std::size_t size = ZSTD_compress(scratch->body, capacity, filled.body, filled.header.used, compression);
    if (!ZSTD_isError(size) && size < filled.header.used) {
      scratch->header = filled.header;
      scratch->header.stored = static_cast<std::uint32_t>(size);
      scratch->header.flags |= compressed;
      block = scratch;
    }
  }
  BlockHeader& header = block->header;
  const std::size_t whole = header_size + header.stored, pages = (whole + page - 1) / page;
  std::memset(block->body + header.stored, 0, pages * page - whole);
  header.magic = magic;
  header.version = version;
  header.flags = static_cast<std::uint8_t>(header.flags | (is_last ? last : 0));
  header.pages = static_cast<std::uint8_t>(pages);
  header.number = number;
  header.log = identity.log;
  header.began = identity.began;
  header.events_before = events_before;
  header.reserved = 0;
  header.body_check = checksum(block->on_disk().subspan(header_size));
  header.header_check = header_checksum(header);
  return *block;
}

}  // namespace log_format
}  // namespace sidestep
