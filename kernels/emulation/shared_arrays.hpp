#pragma once

/// The shared memory of one running block.

#include <cstddef>
#include <string>
#include <vector>

namespace sidestep::emulation::detail {

/// Each array is filled with 0xFF when it is made and stands between red zones. AddressSanitizer names an access to
/// those; without it a write to them is found when the block ends. Under ThreadSanitizer arrays are new memory for each
/// block, so that nothing that a former block did to the same address is taken for a race.
class SharedArrays {
 public:
  static constexpr std::size_t static_limit = std::size_t{48} << 10;
  static constexpr std::size_t optin_limit = std::size_t{227} << 10;

  SharedArrays();
  ~SharedArrays();
  SharedArrays(const SharedArrays&) = delete;
  SharedArrays& operator=(const SharedArrays&) = delete;

  void begin_block(std::size_t dynamic_bytes);
  /// Null when the block would have more than a device gives.
  void* get(std::size_t bytes, std::size_t alignment, const void* tag);
  void* dynamic(std::size_t alignment) { return get(dynamic_bytes_, alignment, &dynamic_bytes_); }
  std::size_t static_bytes() const { return static_bytes_; }
  /// What was written past the end or before the beginning of an array, in words; "" if nothing was.
  std::string overrun() const;
  void end_block();

 private:
  struct Array {
    const void* tag;
    std::byte* data;
    std::size_t bytes;
    void* own;  // malloc'd, under ThreadSanitizer
  };

  std::vector<Array> arrays_;
  std::byte* arena_ = nullptr;
  std::size_t used_ = 0;
  std::size_t static_bytes_ = 0;
  std::size_t dynamic_bytes_ = 0;
};

}  // namespace sidestep::emulation::detail
