#include <sidestep/bus/log_reader.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace sidestep {
namespace {

using namespace log_format;

constexpr std::uint64_t nowhere = ~std::uint64_t{0};

/// Reads as many of `size` bytes as there are.
std::size_t read_at(int descriptor, void* to, std::size_t size, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t count =
        ::pread(descriptor, static_cast<char*>(to) + done, size - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;  // what can't be read is as good as not there
    done += static_cast<std::size_t>(count);
  }
  return done;
}

[[noreturn]] void refuse_log(LogError::Kind kind, const std::filesystem::path& path, const std::string& why) {
  throw LogError(kind, path.string() + ": " + why);
}

}  // namespace

LogReader::LogReader(const std::filesystem::path& path) : path_(path), bytes_(block_size + slack) {
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe is refused, not waited for
  if (descriptor_ < 0)
    refuse_log(
        LogError::Kind::file, path,
        "cannot read the log: " + std::generic_category().message(errno) + ". Name one that is there and may be read.");
  struct stat status {};
  try {
    if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode))
      refuse_log(LogError::Kind::file, path, "isn't a file. Name the log that a run has written.");
    identify();
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

LogReader::~LogReader() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::uint64_t LogReader::file_size() const {
  struct stat status {};
  return ::fstat(descriptor_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

/// Which log it is, from the first header that is whole.
void LogReader::identify() {
  std::array<std::uint8_t, header_size> begin{};
  const std::size_t size = read_at(descriptor_, begin.data(), begin.size(), 0);
  std::size_t alike = 0;
  for (std::size_t i = 0; i < magic.size(); ++i) alike += begin[i] == magic[i] ? 1 : 0;
  if (size == 0) refuse_log(LogError::Kind::truncated, path_, "is empty: the log's first block was never written.");
  const bool prefix = std::equal(
      magic.begin(), magic.begin() + static_cast<std::ptrdiff_t>(std::min(size, magic.size())), begin.begin());
  if (size < header_size)
    refuse_log(prefix ? LogError::Kind::truncated : LogError::Kind::foreign, path_,
               prefix ? "ends within the log's first block: nothing of it can be read." : "isn't a log of events.");

  BlockHeader header{};
  std::memcpy(&header, begin.data(), sizeof header);
  std::uint64_t at = 0;
  if (!whole(header)) {
    // the first block may be damaged; in a file that doesn't look like a log, no more than a first block is passed over
    const std::uint64_t limit = alike >= 5 ? file_size() : std::min<std::uint64_t>(file_size(), block_size + page);
    while (at < limit && !whole(header)) load_header(at += page, header);
  }
  if (!whole(header)) {
    if (alike < 5) refuse_log(LogError::Kind::foreign, path_, "isn't a log of events.");
    refuse_log(LogError::Kind::damaged, path_, "is a damaged log: not one of its blocks is whole.");
  }
  if (header.version > version)
    refuse_log(LogError::Kind::newer, path_,
               "was written by a later version (its format is " + std::to_string(header.version) +
                   ", this program reads up to " + std::to_string(version) + "). Read it with that version.");
  log_ = header.log;
  began_ = header.began;
  if (at == 0 && sound(header) && file_size() < header.pages * page)
    refuse_log(LogError::Kind::truncated, path_, "ends within the log's first block: nothing of it can be read.");
}

bool LogReader::acceptable(const BlockHeader& header) const noexcept { return header.log == log_ && sound(header); }

LogReader::Load LogReader::load_header(std::uint64_t offset, BlockHeader& header) const {
  const std::size_t size = read_at(descriptor_, &header, sizeof header, offset);
  if (size == 0) return Load::none;
  if (size < sizeof header) return header = {}, Load::torn;
  return acceptable(header) ? Load::whole : Load::bad_header;
}

LogReader::Load LogReader::load(std::uint64_t offset) {
  const std::size_t size = read_at(descriptor_, bytes_.data(), block_size, offset);
  records_ = {};
  if (size == 0) return Load::none;
  if (size < header_size) return Load::torn;
  std::memcpy(&header_, bytes_.data(), sizeof header_);
  if (!acceptable(header_)) return Load::bad_header;
  const std::size_t needed = header_.pages * page;
  if (size < needed) return Load::torn;
  if (checksum(std::span(bytes_).subspan(header_size, needed - header_size)) != header_.body_check || !unpack())
    return Load::bad_body;
  block_offset_ = offset;
  return Load::whole;
}

bool LogReader::unpack() {
  const std::span<const std::byte> stored = std::span(bytes_).subspan(header_size, header_.stored);
  if ((header_.flags & compressed) == 0) {
    records_ = stored;
    return true;
  }
  unpacked_.resize(capacity + slack);
  const std::size_t size = ZSTD_decompress(unpacked_.data(), capacity, stored.data(), stored.size());
  if (ZSTD_isError(size) || size != header_.used) return false;
  records_ = std::span(unpacked_).first(size);
  return true;
}

/// Where the next sound header with a number above the expected one stands.
std::uint64_t LogReader::find_header(std::uint64_t from, std::uint64_t limit, BlockHeader& header) const {
  for (std::uint64_t at = from; at + header_size <= limit; at += page)
    if (load_header(at, header) == Load::whole && header.number > expected_) return at;
  return nowhere;
}

void LogReader::note_damage(std::uint64_t offset, std::uint64_t bytes, std::uint32_t first, std::uint32_t last) {
  damage_[offset] = {.offset = offset, .bytes = bytes, .first_block = first, .last_block = last};
}

std::vector<LogDamage> LogReader::damage() const {
  std::vector<LogDamage> all;
  for (const auto& [offset, one] : damage_) all.push_back(one);
  return all;
}

bool LogReader::next_block() {
  for (;;) {
    Load found = load(offset_);
    if ((found == Load::whole || found == Load::bad_body || found == Load::torn) && header_.number < expected_ &&
        offset_ > 0)
      found = found == Load::torn ? Load::torn : Load::bad_header;
    if (found == Load::whole || found == Load::bad_body) {
      if (header_.number > expected_) note_damage(offset_, 0, expected_, header_.number - 1);
      if (found == Load::bad_body) note_damage(offset_, header_.pages * page, header_.number, header_.number);
      offset_ += header_.pages * page;
      expected_ = header_.number + 1;
      if (found == Load::bad_body) continue;
      if ((header_.flags & last) != 0) closed_at_ = offset_;
      skip_ = std::exchange(sought_skip_, 0);
      if ((header_.flags & has_definitions) != 0 && !take_definitions())
        note_damage(block_offset_, header_.pages * page, header_.number, header_.number);
      return true;
    }
    if (found == Load::bad_header) {
      BlockHeader next{};
      if (const std::uint64_t at = find_header(offset_ + page, file_size(), next); at != nowhere) {
        note_damage(offset_, at - offset_, expected_, next.number - 1);
        offset_ = at;
        expected_ = next.number;
        continue;
      }
    }
    look_at_tail(found);
    return false;
  }
}

void LogReader::look_at_tail(Load found) {
  const std::uint64_t size = file_size();
  tail_bytes_ = size > offset_ ? size - offset_ : 0;
  if (found == Load::bad_header) {
    // where the system went down, a file may have been lengthened and not written
    bool zeros = true;
    std::vector<std::byte> part(block_size);
    for (std::uint64_t at = offset_; zeros && at < size; at += part.size()) {
      const std::size_t count = read_at(descriptor_, part.data(), part.size(), at);
      zeros = std::all_of(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(count),
                          [](std::byte b) { return b == std::byte{}; });
    }
    if (!zeros) {
      note_damage(offset_, tail_bytes_, expected_, expected_);
      end_ = LogEnd::damaged;
      return;
    }
    found = Load::torn;
  }
  if (found == Load::torn) {
    end_ = LogEnd::torn;
  } else if (!damage_.empty() && damage_.rbegin()->second.offset + damage_.rbegin()->second.bytes == offset_ &&
             damage_.rbegin()->second.bytes > 0) {
    end_ = LogEnd::damaged;
  } else {
    end_ = closed_at_ == offset_ ? LogEnd::closed : LogEnd::open;
  }
}

bool LogReader::take_definitions() {
  return decode(
      records_, [](const LoggedEvent&) { return true; },
      [&](std::uint8_t what, std::span<const std::byte> bytes) { return catalog_.take(what, bytes); });
}

void LogReader::rewind() noexcept {
  offset_ = 0;
  expected_ = 0;
  sought_skip_ = skip_ = 0;
  header_ = {};
  records_ = {};
}

const std::vector<LogReader::Entry>& LogReader::index() {
  const std::uint64_t size = file_size();
  const std::uint32_t expected_before = expected_;
  expected_ = index_.empty() ? 0 : index_.back().header.number + 1;
  BlockHeader header{};
  while (indexed_ < size) {
    const Load found = load_header(indexed_, header);
    if (found != Load::whole || (header.number < expected_ && indexed_ > 0)) {
      if (found == Load::torn || (indexed_ = find_header(indexed_ + page, size, header)) == nowhere) break;
    }
    if (indexed_ + header.pages * page > size) break;
    index_.push_back({indexed_, header});
    expected_ = header.number + 1;
    indexed_ += header.pages * page;
  }
  if (indexed_ == nowhere) indexed_ = index_.empty() ? 0 : index_.back().offset + index_.back().header.pages * page;
  expected_ = expected_before;
  return index_;
}

/// Takes the definitions of all blocks before this place.
void LogReader::define_up_to(std::uint64_t offset) {
  const std::size_t entries = index().size();
  for (std::size_t i = 0; i < entries && index_[i].offset < offset; ++i) {
    if (index_[i].offset < defined_ || (index_[i].header.flags & has_definitions) == 0) continue;
    if (load(index_[i].offset) == Load::whole) take_definitions();
  }
  defined_ = std::max(defined_, std::min(offset, indexed_));  // a block that is only half written yet defines later
}

void LogReader::read_definitions() {
  const Place here = place();
  define_up_to(file_size());
  stay(here);
}

/// Back to the block that was read when place() said so.
void LogReader::stay(const Place& here) {
  if (here.was_read)
    load(here.offset);
  else
    records_ = {};
  header_ = here.header;
  block_offset_ = here.offset;
}

void LogReader::go_to_block(std::size_t entry) {
  if (entry < index().size()) {
    define_up_to(index_[entry].offset);
    offset_ = index_[entry].offset;
    expected_ = index_[entry].header.number;
  } else if (!index_.empty()) {
    define_up_to(index_.back().offset + 1);
    offset_ = index_.back().offset + index_.back().header.pages * log_format::page;
    expected_ = index_.back().header.number + 1;
    if ((index_.back().header.flags & log_format::last) != 0) closed_at_ = offset_;
  }
  sought_skip_ = 0;
}

bool LogReader::seek(std::size_t first_entry, const std::function<bool(const BlockHeader&)>& may_hold,
                     const std::function<bool(const LoggedEvent&)>& wanted) {
  const Place here = place();
  for (std::size_t i = first_entry; i < index_.size(); ++i) {
    if (index_[i].header.events == 0 || !may_hold(index_[i].header)) continue;
    define_up_to(index_[i].offset);
    if (load(index_[i].offset) != Load::whole) continue;
    if ((header_.flags & has_definitions) != 0) take_definitions();
    std::uint64_t before = 0;
    bool found = false;
    decode(
        records_, [&](const LoggedEvent& event) { return (found = wanted(event)) ? false : (++before, true); },
        [](std::uint8_t, std::span<const std::byte>) { return true; });
    if (!found) continue;
    offset_ = index_[i].offset;
    expected_ = index_[i].header.number;
    sought_skip_ = before;
    return true;
  }
  stay(here);
  return false;
}

bool LogReader::seek_step(Step step) {
  index();
  return seek(
      0,
      [&](const BlockHeader& header) {
        return header.least_step <= header.greatest_step && header.greatest_step >= step;
      },
      [&](const LoggedEvent& event) {
        const auto its = catalog_.step(event);
        return its && *its >= step;
      });
}

bool LogReader::seek_time(Nanoseconds time) {
  index();
  return seek(
      0, [&](const BlockHeader& header) { return header.latest >= time; },
      [&](const LoggedEvent& event) { return event.stamp >= time; });
}

bool LogReader::seek_sequence(std::uint32_t ring, Sequence sequence) {
  // Numbers of one ring only grow: it can't lie before a block that begins with a lower one.
  std::size_t from = 0;
  index();
  for (std::size_t i = 0; i < index_.size(); ++i) {
    const BlockHeader& header = index_[i].header;
    if (header.events > 0 && header.ring == ring && header.sequence > 0 && header.sequence <= sequence) from = i;
  }
  return seek(
      from, [](const BlockHeader&) { return true; },
      [&](const LoggedEvent& event) { return event.ring == ring && event.sequence >= sequence; });
}

}  // namespace sidestep
