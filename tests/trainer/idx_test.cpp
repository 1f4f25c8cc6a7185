#include <gtest/gtest.h>

#include <trainer/idx_files.hpp>
#include <sidestep/trainer/data/idx.hpp>

namespace sidestep {
namespace {

using namespace test;

class Idx : public testing::Test {
 protected:
  std::filesystem::path file(const std::string& bytes) {
    write_text(folder_ / "images", bytes);
    return folder_ / "images";
  }

  /// What the reader says of these bytes, behind the file's name.
  std::string said(const std::string& bytes) {
    const std::filesystem::path path = file(bytes);
    const std::string found = complaint<DataError>([&] { read_idx(path); });
    const std::string prefix = path.string() + ": ";
    EXPECT_TRUE(found.empty() || found.starts_with(prefix)) << found;
    return found.empty() ? found : found.substr(prefix.size());
  }

  ScratchFolder folder_;
};

const std::string good = idx({2, 2, 3}, "abcdefghijkl");
const std::string again = ". Fetch it again, or install it again if a package brought it.";

TEST_F(Idx, ReadsPlainAndPacked) {
  for (const std::string& bytes : {good, gzip(good), gzip(good.substr(0, 7)) + gzip(good.substr(7))}) {
    const IdxArray array = read_idx(file(bytes));
    EXPECT_EQ(array.shape, (std::vector<std::uint32_t>{2, 2, 3}));
    EXPECT_EQ(std::string(array.bytes.begin(), array.bytes.end()), "abcdefghijkl");
  }
  EXPECT_TRUE(read_idx(file(gzip(idx({0}, "")))).bytes.empty());
}

TEST_F(Idx, NamesAMissingAnEmptyAndAForeignFile) {
  EXPECT_NE(complaint<DataError>([&] { read_idx(folder_ / "none"); }).find("none: there is no such file. "),
            std::string::npos);
  EXPECT_NE(complaint<DataError>([&] { read_idx(folder_.path()); }).find("isn't a file. "), std::string::npos);
  EXPECT_EQ(said(""), "is empty" + again);
  EXPECT_EQ(said("PNG"), "ends within its header" + again);
  const std::string foreign = ", and images have 2051, labels 2049. Name a folder with files like MNIST's.";
  EXPECT_EQ(said("this is a text"), "isn't an IDX file of unsigned bytes: its magic number is 1952999795" + foreign);
  EXPECT_EQ(said(gzip("this is a text")), said("this is a text"));
  std::string floats = good;
  floats[2] = '\x0d';
  EXPECT_EQ(said(floats), "isn't an IDX file of unsigned bytes: its magic number is 3331" + foreign);
}

TEST_F(Idx, NamesAHeaderThatDisagreesWithTheData) {
  EXPECT_EQ(said(good + "x"), "its header promises 12 bytes of data, and it holds more" + again);
  EXPECT_EQ(said(gzip(good + "x")), "its header promises 12 bytes of data, and it holds more" + again);
  EXPECT_EQ(said(good.substr(0, good.size() - 1)), "its header promises 12 bytes of data, and it holds 11" + again);
  EXPECT_EQ(said(gzip(good.substr(0, good.size() - 1))),
            "its header promises 12 bytes of data, and it holds 11" + again);
  const std::uint32_t most = ~std::uint32_t{0};
  EXPECT_EQ(said(idx({most, most, most}, "abc")),
            "its header promises 18446744073709551615 bytes of data, and it holds fewer" + again);
}

TEST_F(Idx, NamesCorruptGzip) {
  const std::string packed = gzip(good);
  std::string wrong_sum = packed;
  wrong_sum[packed.size() - 8] ^= 1;
  EXPECT_EQ(said(wrong_sum), "its gzip data is corrupt (incorrect data check)" + again);
  EXPECT_EQ(said(packed + "??"), "has 2 bytes behind the end of its gzip data" + again);
}

TEST_F(Idx, NoticesEveryCut) {
  for (const std::string& whole : {good, gzip(good)}) {
    for (std::size_t length = 0; length < whole.size(); ++length)
      EXPECT_NE(said(whole.substr(0, length)), "") << length;
  }
  const std::string packed = gzip(good);
  EXPECT_EQ(said(packed.substr(0, packed.size() - 1)), "its gzip data is cut off" + again);
  EXPECT_EQ(said(packed.substr(0, 20)), "its gzip data is cut off" + again);
}

// Some bits of a gzip file say nothing (time, system, what fills the last byte): then the elements must be right.
TEST_F(Idx, AChangedByteInGzipIsNoticedOrHarmless) {
  const std::string packed = gzip(good);
  std::size_t noticed = 0, changes = 0;
  for (std::size_t place = 0; place < packed.size(); ++place) {
    for (const int flip : {0x01, 0x10, 0x80, 0xff}) {
      std::string changed = packed;
      changed[place] = static_cast<char>(changed[place] ^ flip);
      ++changes;
      if (!said(changed).empty()) {
        ++noticed;
        continue;
      }
      const IdxArray array = read_idx(folder_ / "images");
      EXPECT_EQ(std::string(array.bytes.begin(), array.bytes.end()), "abcdefghijkl") << "byte " << place;
    }
  }
  EXPECT_GT(noticed, changes * 2 / 3);
}

}  // namespace
}  // namespace sidestep
