#include <sidestep/trainer/data/idx.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <zlib.h>

namespace sidestep {
namespace {

constexpr std::size_t largest_expansion = 1032;  // deflate can't do better; more is promised only by a damaged header
constexpr std::string_view fetch_again = "Fetch it again, or install it again if a package brought it.";

/// The file's bytes, one after the other, unpacked if need be.
class ByteSource {
 public:
  explicit ByteSource(const std::filesystem::path& path) : where_(path.string()) {
    std::error_code failed;
    if (!std::filesystem::exists(path, failed)) refuse("there is no such file", "Check the data folder's name.");
    if (!std::filesystem::is_regular_file(path, failed)) refuse("isn't a file", "Put the IDX file in its place.");
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) refuse("can't be opened", "Check its permissions.");
    packed_.resize(static_cast<std::size_t>(file.tellg()));
    file.seekg(0).read(reinterpret_cast<char*>(packed_.data()), static_cast<std::streamsize>(packed_.size()));
    if (!file) refuse("can't be read", "Check the disk.");
    if (packed_.empty()) refuse("is empty", fetch_again);
    gzipped_ = packed_.size() >= 2 && packed_[0] == 0x1f && packed_[1] == 0x8b;
    if (gzipped_) open_gzip();
  }
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  ~ByteSource() {
    if (gzipped_) inflateEnd(&stream_);
  }

  [[noreturn]] void refuse(std::string_view why, std::string_view mend) const {
    throw DataError(fmt::format("{}: {}. {}", where_, why, mend));
  }

  /// The most bytes that could still come.
  std::size_t bound() const { return packed_.size() * (gzipped_ ? largest_expansion : 1); }

  /// Fills `out` and returns how many bytes there were.
  std::size_t read(std::span<std::uint8_t> out) { return gzipped_ ? read_gzip(out) : read_plain(out); }

 private:
  void open_gzip() {
    constexpr int gzip_wrapper = 16;
    if (inflateInit2(&stream_, MAX_WBITS + gzip_wrapper) != Z_OK) throw std::bad_alloc();
    stream_.next_in = packed_.data();
    stream_.avail_in = static_cast<uInt>(packed_.size());
    if (stream_.avail_in != packed_.size()) refuse("is larger than 4 GiB", "Unpack it with `gunzip`.");
  }

  std::size_t read_plain(std::span<std::uint8_t> out) {
    const std::size_t count = std::min(out.size(), packed_.size() - place_);
    std::copy_n(packed_.begin() + static_cast<std::ptrdiff_t>(place_), count, out.begin());
    place_ += count;
    return count;
  }

  std::size_t read_gzip(std::span<std::uint8_t> out) {
    constexpr std::size_t most = std::size_t{1} << 30;  // zlib counts with 32 bits
    std::size_t done = 0;
    while (done < out.size() && !ended_) {
      stream_.next_out = out.data() + done;
      const std::size_t wanted = std::min(out.size() - done, most);
      stream_.avail_out = static_cast<uInt>(wanted);
      const int code = inflate(&stream_, Z_NO_FLUSH);
      done += wanted - stream_.avail_out;
      if (code == Z_STREAM_END) {
        next_member();
      } else if (code != Z_OK && stream_.avail_in == 0 && stream_.avail_out > 0) {
        refuse("its gzip data is cut off", fetch_again);
      } else if (code != Z_OK) {
        refuse(fmt::format("its gzip data is corrupt ({})", stream_.msg ? stream_.msg : zError(code)), fetch_again);
      }
    }
    return done;
  }

  /// A gzip file may be several, one behind the other.
  void next_member() {
    if (stream_.avail_in == 0) {
      ended_ = true;
    } else if (stream_.avail_in < 2 || stream_.next_in[0] != 0x1f || stream_.next_in[1] != 0x8b) {
      refuse(fmt::format("has {} bytes behind the end of its gzip data", stream_.avail_in), fetch_again);
    } else {
      inflateReset(&stream_);
    }
  }

  std::string where_;
  std::vector<std::uint8_t> packed_;
  bool gzipped_ = false;
  std::size_t place_ = 0;
  bool ended_ = false;
  z_stream stream_{};
};

std::uint32_t big_endian(std::span<const std::uint8_t, 4> bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

std::uint32_t read_big_endian(ByteSource& source) {
  std::array<std::uint8_t, 4> bytes;
  if (source.read(bytes) != bytes.size()) source.refuse("ends within its header", fetch_again);
  return big_endian(bytes);
}

}  // namespace

IdxArray read_idx(const std::filesystem::path& path) {
  ByteSource source(path);
  const std::uint32_t magic = read_big_endian(source);
  const std::uint32_t dimensions = magic & 0xff;
  if (magic >> 8 != 0x08 || dimensions < 1 || dimensions > 4)
    source.refuse(fmt::format("isn't an IDX file of unsigned bytes: its magic number is {}, and images have 2051, "
                              "labels 2049",
                              magic),
                  "Name a folder with files like MNIST's.");
  IdxArray array;
  std::uint64_t count = 1;
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    array.shape.push_back(read_big_endian(source));
    if (__builtin_mul_overflow(count, std::uint64_t{array.shape.back()}, &count)) count = ~std::uint64_t{0};
  }
  const auto disagree = [&](std::string_view held) {
    source.refuse(fmt::format("its header promises {} bytes of data, and it holds {}", count, held), fetch_again);
  };
  // before any memory is asked for: a damaged header can promise anything
  if (count > source.bound()) disagree("fewer");
  array.bytes.resize(count);
  const std::size_t held = source.read(array.bytes);
  if (held != count) disagree(std::to_string(held));
  // one byte more than there may be: also what makes zlib check the CRC at the end
  std::array<std::uint8_t, 1> beyond;
  if (source.read(beyond) != 0) disagree("more");
  return array;
}

}  // namespace sidestep
