#pragma once

/// Recording streams' calls into a graph.
///
/// Every stream that takes part is a lane: the first by cudaStreamBeginCapture, others by waiting for an event that was
/// recorded in the capture. A lane's nodes follow each other; between lanes only events order.

#include <cstddef>
#include <thread>
#include <vector>

#include <sidestep/kernels/emulation/graph.hpp>
#include <sidestep/kernels/emulation/raw.hpp>
#include <sidestep/kernels/emulation/stream.hpp>

namespace sidestep::emulation::detail {

class Capture : public Counted {
 public:
  static cudaError_t begin(Stream& origin, cudaStreamCaptureMode mode);

  cudaError_t add(Stream& stream, Ref<Operation> operation);
  Ref<Mark> mark(Stream& stream);
  cudaError_t join(Stream& stream, const Mark& mark);
  /// Ends it for all its streams; the graph is null when something was wrong.
  cudaError_t end(Stream& stream, Ref<Graph>* graph);

  void invalidate() { valid_ = false; }
  bool valid() const { return valid_; }

  /// Is there a capture that forbids this thread calls like cudaMalloc, which can't be captured?
  static bool forbids_unsafe_calls();
  static void invalidate_all();

 private:
  struct Lane {
    Stream* stream;
    std::vector<std::size_t> frontier;  // the nodes that its next one comes after
  };
  bool reached(std::size_t node, const std::vector<std::size_t>& from) const;

  Stream* origin_ = nullptr;
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeGlobal;
  std::thread::id thread_;
  bool valid_ = true;
  bool over_ = false;
  std::vector<GraphNode> nodes_;
  std::vector<Lane> lanes_;
};

}  // namespace sidestep::emulation::detail
