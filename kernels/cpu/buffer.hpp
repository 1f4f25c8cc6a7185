#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

namespace sidestep::kernels::cpu {

/// Zeroed floats on a cache line's boundary. Owns them; moving leaves the source empty.
class Buffer {
 public:
  static constexpr std::size_t alignment = 64;

  Buffer() = default;
  explicit Buffer(std::size_t floats)
      : data_(floats ? static_cast<float*>(::operator new (floats * sizeof(float), std::align_val_t{alignment}))
                     : nullptr),
        floats_(floats) {
    if (floats) std::memset(data_.get(), 0, floats * sizeof(float));
  }
  Buffer(Buffer&& other) noexcept : data_(std::move(other.data_)), floats_(std::exchange(other.floats_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    data_ = std::move(other.data_);
    floats_ = std::exchange(other.floats_, 0);
    return *this;
  }

  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }
  std::size_t size() const { return floats_; }
  std::size_t bytes() const { return floats_ * sizeof(float); }

 private:
  struct Free {
    void operator()(float* p) const { ::operator delete (p, std::align_val_t{alignment}); }
  };
  std::unique_ptr<float, Free> data_;
  std::size_t floats_ = 0;
};

constexpr std::size_t round_up(std::size_t n, std::size_t multiple) { return (n + multiple - 1) / multiple * multiple; }

}  // namespace sidestep::kernels::cpu
