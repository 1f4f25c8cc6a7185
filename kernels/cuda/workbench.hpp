#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include <sidestep/kernels/cuda/memory.hpp>

namespace sidestep::kernels::cuda {

/// What a buffer of a layer is for; with the layer's index it names the buffer.
enum class Role : std::uint32_t {
  output,
  output_gradient,
  linear,  ///< a convolution's output, before what follows it
  linear_gradient,
  middle,  ///< within a residual block
  middle_gradient,
  second,
  second_gradient,
  shortcut,
  shortcut_linear,
  shortcut_gradient,
  statistics,  ///< a batch's mean and inverse deviation
  second_statistics,
  shortcut_statistics,
  parts,
  labels,
  indices
};

/// The working memory that all batches share: a buffer grows to the largest that was ever asked for, and whoever was
/// built before one grew must be built anew (`generation` says so). Batches of one stream can share because they run
/// one after the other.
class Workbench {
 public:
  /// Counts what would be asked for, and gives nothing.
  Workbench() = default;
  Workbench(Pool& pool, cudaStream_t stream) : pool_(&pool), stream_(stream) {}

  template <class T = float>
  T* take(std::size_t layer, Role role, std::size_t count) {
    return static_cast<T*>(take_bytes({layer, role}, count * sizeof(T)));
  }

  /// Scratch that a library's calls share, valid from call to call only.
  void reserve_workspace(std::size_t bytes) {
    if (!pool_)
      counted_workspace_ = std::max(counted_workspace_, bytes);
    else if (bytes > workspace_.size())
      grow(workspace_, bytes);
  }
  void* workspace() const { return workspace_.data(); }
  std::size_t workspace_bytes() const { return workspace_.size(); }

  std::size_t bytes() const {
    std::size_t sum = workspace_.size() + counted_ + counted_workspace_;
    for (const auto& [key, buffer] : buffers_) sum += buffer.size();
    return sum;
  }
  std::uint64_t generation() const { return generation_; }
  void release() {
    buffers_.clear();
    workspace_ = Bytes();
    ++generation_;
  }

 private:
  using Bytes = DeviceBuffer<std::byte>;
  using Key = std::pair<std::size_t, Role>;

  void* take_bytes(Key key, std::size_t bytes) {
    if (!pool_) {
      counted_ += bytes;
      return nullptr;
    }
    Bytes& buffer = buffers_[key];
    if (buffer.size() < bytes) grow(buffer, bytes);
    return buffer.data();
  }
  void grow(Bytes& buffer, std::size_t bytes) {
    buffer = Bytes();  // first: the old one's memory may be what the new one needs
    ++generation_;
    buffer = Bytes(*pool_, bytes, stream_);
  }

  Pool* pool_ = nullptr;
  cudaStream_t stream_{};
  std::map<Key, Bytes> buffers_;
  Bytes workspace_;
  std::size_t counted_ = 0, counted_workspace_ = 0;
  std::uint64_t generation_ = 0;
};

}  // namespace sidestep::kernels::cuda
