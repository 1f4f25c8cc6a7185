#pragma once

#include <atomic>
#include <cstddef>

#include <sidestep/kernels/cuda/memory.hpp>

namespace sidestep::kernels::cuda {

/// The device's memory and streams of one session. Shared with its snapshots, which may live longer.
struct Home {
  explicit Home(int on) : device(on), pool(on), stream(make_stream()), side(make_stream()), snapshots(make_stream()) {}

  int device;
  Pool pool;
  Stream stream;     ///< training and evaluation
  Stream side;       ///< snapshots' way to the host
  Stream snapshots;  ///< takes and frees their memory: behind training at most, never behind the side stream
  /// Of the snapshots that live. Always relaxed: an estimate, and snapshots end on any thread.
  std::atomic<std::size_t> snapshot_bytes = 0;
};

}  // namespace sidestep::kernels::cuda
