#pragma once
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <scratch_folder.hpp>

namespace sidestep::test {

/// The bytes of an IDX file of unsigned bytes.
inline std::string idx(const std::vector<std::uint32_t>& shape, const std::string& elements) {
  std::string text{'\0', '\0', '\x08', static_cast<char>(shape.size())};
  for (const std::uint32_t extent : shape) {
    for (const int shift : {24, 16, 8, 0}) text += static_cast<char>(extent >> shift & 0xff);
  }
  return text + elements;
}

/// The bytes of a gzip file.
inline std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

/// `count` images of 2x3 whose first pixel is their number, labelled by number modulo 10.
inline std::string some_images(std::uint32_t count) {
  std::string pixels;
  for (std::uint32_t i = 0; i < count; ++i) pixels += static_cast<char>(i) + std::string("abcde");
  return idx({count, 2, 3}, pixels);
}

inline std::string some_labels(std::uint32_t count) {
  std::string labels;
  for (std::uint32_t i = 0; i < count; ++i) labels += static_cast<char>(i % 10);
  return idx({count}, labels);
}

/// A folder with 24 training and 5 test images, two files packed and two plain.
inline void write_small_data(const std::filesystem::path& folder) {
  write_text(folder / "train-images-idx3-ubyte.gz", gzip(some_images(24)));
  write_text(folder / "train-labels-idx1-ubyte", some_labels(24));
  write_text(folder / "t10k-images-idx3-ubyte", some_images(5));
  write_text(folder / "t10k-labels-idx1-ubyte.gz", gzip(some_labels(5)));
}

}  // namespace sidestep::test
