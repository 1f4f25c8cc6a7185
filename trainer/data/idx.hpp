#pragma once
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <vector>

namespace sidestep {

/// A data set that can't be used. `what()` says where, what, and the mend.
class DataError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One IDX file of unsigned bytes, the format of MNIST (https://yann.lecun.org/exdb/mnist/): two zero bytes, the
/// type (8 = unsigned byte), the number of dimensions, each extent as a big-endian 32-bit number, the elements.
struct IdxArray {
  std::vector<std::uint32_t> shape;
  std::vector<std::uint8_t> bytes;  ///< row-major, product(shape) of them
};

/// Reads a plain or a gzipped file; which of them it is, the file's first bytes say.
/// Throws DataError: no such file, truncated, corrupt (gzip's CRC), wrong magic, sizes that disagree.
IdxArray read_idx(const std::filesystem::path& path);

}  // namespace sidestep
