#pragma once

#include <cstddef>
#include <memory>
#include <mutex>

#include <sidestep/kernels/cuda/home.hpp>
#include <sidestep/kernels/session.hpp>

namespace sidestep::kernels::cuda {

/// A copy of a session's tensors: made on the device in the training stream's order, then brought to pinned host memory
/// by another stream while training goes on. A copy of everything is a checkpoint's and sets out at once; one of the
/// weights alone is kept in case, often replaced before anybody reads it, and goes when somebody does.
///
///   training stream  .. step | copy | step | step ..
///   side stream                     | to the host |        on_host() waits for this, on any thread
class CudaSnapshot final : public Snapshot {
 public:
  CudaSnapshot(std::shared_ptr<Home> home, std::size_t count, Contents contents);
  /// On any thread, while others use the session.
  ~CudaSnapshot() override;

  Contents contents() const override { return contents_; }
  std::size_t bytes() const override { return copy_.bytes(); }
  std::size_t size() const { return copy_.size(); }

  /// Enqueues the copies; waits for nothing. The training stream waits for no way to the host, unless this very copy
  /// is on one that nobody has read to its end.
  void take(const float* state);
  /// In the training stream's order, from the copy on the device.
  void put_back(float* state) const;
  /// Waits until the copy has come; from any thread.
  const float* on_host() const;

  /// Throws ShapeError for a snapshot that isn't of a session with as many floats.
  static const CudaSnapshot& of(const Snapshot& snapshot, std::size_t weights, std::size_t everything);

 private:
  void set_out() const;

  std::shared_ptr<Home> home_;
  Contents contents_;
  DeviceBuffer<float> copy_;
  PinnedBuffer<float> host_;
  Event copied_;                    ///< on the training stream: its last use of copy_
  Event arrived_;                   ///< on the side stream: the copy is in host_
  mutable std::mutex mutex_;        ///< of readers
  mutable bool under_way_ = false;  ///< to the host, or there
};

}  // namespace sidestep::kernels::cuda
