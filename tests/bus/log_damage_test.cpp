// What has become of a log's bytes, and what is still read of it.
#include <gtest/gtest.h>

#include <bus/log_support.hpp>
#include <emulation/sanitizers.hpp>

#include <fcntl.h>
#include <unistd.h>

namespace sidestep {
namespace {

using namespace testing_support;
using test::ScratchFolder;

/// Every byte; every seventh where each takes ten times as long.
constexpr std::uint64_t stride = test::address_sanitizer || test::thread_sanitizer ? 7 : 1;

struct Block {
  std::uint64_t offset, bytes;
  std::size_t events_before, events;
};

std::vector<Block> blocks_of(const std::filesystem::path& path) {
  LogReader log(path);
  std::vector<Block> all;
  for (const LogReader::Entry& entry : log.index())
    all.push_back(
        {entry.offset, entry.header.pages * log_format::page, entry.header.events_before, entry.header.events});
  return all;
}

/// A file that a test changes byte by byte.
class Bytes {
 public:
  explicit Bytes(const std::filesystem::path& path) : descriptor_(::open(path.c_str(), O_RDWR)) {}
  ~Bytes() { ::close(descriptor_); }
  void put(std::uint64_t at, std::uint8_t byte) {
    ASSERT_EQ(::pwrite(descriptor_, &byte, 1, static_cast<off_t>(at)), 1);
  }
  std::uint8_t get(std::uint64_t at) {
    std::uint8_t byte = 0;
    EXPECT_EQ(::pread(descriptor_, &byte, 1, static_cast<off_t>(at)), 1);
    return byte;
  }
  void cut(std::uint64_t size) { ASSERT_EQ(::ftruncate(descriptor_, static_cast<off_t>(size)), 0); }

 private:
  int descriptor_;
};

LogError::Kind refused_as(const std::filesystem::path& path) {
  try {
    LogReader log(path);
  } catch (const LogError& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with(path.string() + ": ")) << error.what();
    return error.kind();
  }
  ADD_FAILURE() << "was read";
  return {};
}

TEST(LogDamage, ATornTailIsToldApartAtEveryByte) {
  const ScratchFolder folder;
  const std::filesystem::path path = small_log(folder);
  const std::vector<Block> blocks = blocks_of(path);
  const std::vector<Seen> whole = all_of(path);
  ASSERT_GE(blocks.size(), 5u);  // the first, one a flush, the last
  Bytes bytes(path);
  for (std::uint64_t size = blocks.back().offset + blocks.back().bytes - 1; size > 0; size -= std::min(size, stride)) {
    SCOPED_TRACE(size);
    bytes.cut(size);
    if (size < blocks[0].bytes) {
      ASSERT_EQ(refused_as(path), LogError::Kind::truncated);
      continue;
    }
    std::size_t blocks_left = 0, events_left = 0;
    while (blocks[blocks_left].offset + blocks[blocks_left].bytes <= size) events_left += blocks[blocks_left++].events;
    LogReader log(path);
    const std::vector<Seen> left = all_of(log);
    ASSERT_EQ(left, std::vector<Seen>(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(events_left)));
    ASSERT_TRUE(log.damage().empty());
    const std::uint64_t tail = size - (blocks[blocks_left - 1].offset + blocks[blocks_left - 1].bytes);
    ASSERT_EQ(log.end(), tail > 0 ? LogEnd::torn : LogEnd::open);
    ASSERT_EQ(log.tail_bytes(), tail);
  }
  bytes.cut(0);
  EXPECT_EQ(refused_as(path), LogError::Kind::truncated);
}

/// Each event's bytes, in little time.
std::vector<std::string> bytes_of_all(LogReader& log) {
  std::vector<std::string> all;
  log.for_each([&](const LoggedEvent& event) {
    all.emplace_back(reinterpret_cast<const char*>(event.body), event.size);
    all.back() += static_cast<char>(event.sequence) + std::to_string(event.stamp);
  });
  return all;
}

void every_flipped_bit(RecordOptions options, int steps) {
  const ScratchFolder folder;
  const std::filesystem::path path = small_log(folder, steps, options);
  const std::vector<Block> blocks = blocks_of(path);
  const std::vector<Seen> whole = all_of(path);
  LogReader undamaged(path);
  const std::vector<std::string> whole_bytes = bytes_of_all(undamaged);
  const auto without = [&](auto all, const Block& bad) {
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(bad.events_before);
    all.erase(first, first + static_cast<std::ptrdiff_t>(bad.events));
    return all;
  };
  Bytes bytes(path);
  for (std::size_t bad = 0; bad < blocks.size(); ++bad)
    for (std::uint64_t at = blocks[bad].offset; at < blocks[bad].offset + blocks[bad].bytes; at += stride) {
      SCOPED_TRACE(at);
      const std::uint8_t before = bytes.get(at);
      bytes.put(at, static_cast<std::uint8_t>(before ^ (1U << (at * 7 % 8))));
      {
        LogReader log(path);
        if (at % 64 == 0)
          ASSERT_EQ(all_of(log), without(whole, blocks[bad]));  // their names and types too
        else
          ASSERT_EQ(bytes_of_all(log), without(whole_bytes, blocks[bad]));
        const std::vector<LogDamage> damage = log.damage();
        ASSERT_EQ(damage.size(), 1u);
        ASSERT_EQ(damage[0].offset, blocks[bad].offset);
        ASSERT_EQ(damage[0].bytes, blocks[bad].bytes);
        ASSERT_EQ(damage[0].first_block, bad);
        ASSERT_EQ(damage[0].last_block, bad);
        ASSERT_EQ(log.end(), bad + 1 < blocks.size() ? LogEnd::closed : LogEnd::damaged);
      }
      bytes.put(at, before);
    }
  EXPECT_EQ(all_of(path), whole);
}

TEST(LogDamage, AFlippedBitAtAnyByteCostsItsBlockAndNoOther) { every_flipped_bit({}, 3); }
TEST(LogDamage, TheSameIfItIsCompressed) { every_flipped_bit({.compression = 3}, 30); }

TEST(LogDamage, BlocksThatAreMissingAreNamed) {
  const ScratchFolder folder;
  const std::filesystem::path path = small_log(folder);
  const std::vector<Block> blocks = blocks_of(path);
  const std::string text = test::read_text(path);
  test::write_text(path, text.substr(0, blocks[1].offset) + text.substr(blocks[3].offset));
  LogReader log(path);
  EXPECT_EQ(all_of(log).size(), blocks[3].events + blocks[4].events);
  ASSERT_EQ(log.damage().size(), 1u);
  EXPECT_EQ(log.damage()[0].first_block, 1u);
  EXPECT_EQ(log.damage()[0].last_block, 2u);
  EXPECT_EQ(log.damage()[0].bytes, 0u);
}

TEST(LogDamage, ATailOfZerosIsTorn) {  // the system went down: lengthened, and not written
  const ScratchFolder folder;
  const std::filesystem::path path = small_log(folder);
  const std::vector<Block> blocks = blocks_of(path);
  test::write_text(path, test::read_text(path).substr(0, blocks[3].offset) + std::string(10'000, '\0'));
  LogReader log(path);
  EXPECT_EQ(all_of(log).size(), blocks[3].events_before);
  EXPECT_EQ(log.end(), LogEnd::torn);
  EXPECT_TRUE(log.damage().empty());
  EXPECT_EQ(log.tail_bytes(), 10'000u);
}

TEST(LogDamage, AnotherLogsBlocksAreNotItsOwn) {
  const ScratchFolder folder;
  const std::string one = test::read_text(small_log(folder));
  const std::filesystem::path path = folder / "small.log";
  std::filesystem::remove(path);
  small_log(folder);
  const std::vector<Block> blocks = blocks_of(path);
  const std::size_t events = all_of(path).size();
  std::string text = test::read_text(path);
  text.replace(blocks[2].offset, blocks[2].bytes, one.substr(blocks[2].offset, blocks[2].bytes));
  test::write_text(path, text);
  LogReader log(path);
  EXPECT_EQ(all_of(log).size(), events - blocks[2].events);
  ASSERT_EQ(log.damage().size(), 1u);
  EXPECT_EQ(log.damage()[0].first_block, 2u);
}

TEST(LogDamage, WhatIsNoLogIsRefused) {
  const ScratchFolder folder;
  const std::filesystem::path path = folder / "a.log";
  EXPECT_EQ(refused_as(path), LogError::Kind::file);
  EXPECT_EQ(refused_as(folder.path()), LogError::Kind::file);
  test::write_text(path, "");
  EXPECT_EQ(refused_as(path), LogError::Kind::truncated);
  test::write_text(path, "step,loss\n1,0.5\n");
  EXPECT_EQ(refused_as(path), LogError::Kind::foreign);
  test::write_text(path, std::string(1'000'000, 'x'));
  EXPECT_EQ(refused_as(path), LogError::Kind::foreign);
  test::write_text(path, "\x89SSLOG\x1a\n" + std::string(100'000, 'x'));
  EXPECT_EQ(refused_as(path), LogError::Kind::damaged);
}

TEST(LogDamage, ANewerVersionIsRefused) {
  const ScratchFolder folder;
  const std::filesystem::path path = small_log(folder);
  std::string text = test::read_text(path);
  log_format::BlockHeader header;
  std::memcpy(&header, text.data(), sizeof header);
  header.version = log_format::version + 1;
  header.header_check = log_format::header_checksum(header);
  std::memcpy(text.data(), &header, sizeof header);
  test::write_text(path, text);
  EXPECT_EQ(refused_as(path), LogError::Kind::newer);
}

/// Of records that a checksum covers and that make no sense all the same.
TEST(LogDamage, RecordsThatMakeNoSenseAreABadBlock) {
  const ScratchFolder folder;
  const std::filesystem::path path = small_log(folder);
  const std::vector<Block> blocks = blocks_of(path);
  const std::string text = test::read_text(path);
  const std::size_t events = all_of(path).size();
  std::size_t record = blocks[2].offset + log_format::header_size;  // the first event's, behind the definitions
  for (log_format::DefinitionRecord definition;; record += sizeof definition + definition.size) {
    std::memcpy(&definition, text.data() + record, sizeof definition);
    if (definition.zero != 0) break;
  }
  // its size, its flags
  for (const auto& [at, byte] : {std::pair{2, 41}, std::pair{2, 255}, std::pair{3, 255}, std::pair{3, 7}}) {
    std::string bad = text;
    log_format::BlockHeader header;
    std::memcpy(&header, bad.data() + blocks[2].offset, sizeof header);
    bad[record + static_cast<std::size_t>(at)] = static_cast<char>(byte);
    header.body_check = log_format::checksum(
        std::as_bytes(std::span(bad))
            .subspan(blocks[2].offset + log_format::header_size, blocks[2].bytes - log_format::header_size));
    header.header_check = log_format::header_checksum(header);
    std::memcpy(bad.data() + blocks[2].offset, &header, sizeof header);
    test::write_text(path, bad);
    LogReader log(path);
    EXPECT_EQ(all_of(log).size(), events - blocks[2].events);
    ASSERT_EQ(log.damage().size(), 1u) << at << ' ' << byte;
    EXPECT_EQ(log.damage()[0].first_block, 2u);
  }
}

}  // namespace
}  // namespace sidestep
