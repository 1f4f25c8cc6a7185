#include <sidestep/kernels/emulation/capture.hpp>

#include <algorithm>
#include <utility>

#include <sidestep/kernels/emulation/calls.hpp>
#include <sidestep/kernels/emulation/report.hpp>

namespace sidestep::emulation::detail {
namespace {

struct Captures {
  RawMutex mutex;
  std::vector<Capture*> running;
};

Captures& captures() {
  static auto* instance = new Captures;
  return *instance;
}

void append(std::vector<std::size_t>& to, const std::vector<std::size_t>& from) {
  for (const std::size_t node : from) {
    if (std::find(to.begin(), to.end(), node) == to.end()) to.push_back(node);
  }
}

}  // namespace

cudaError_t Capture::begin(Stream& origin, cudaStreamCaptureMode mode) {
  if (origin.capture) return cudaErrorIllegalState;
  Ref<Capture> made(new Capture);
  made->origin_ = &origin;
  made->mode_ = mode;
  made->thread_ = std::this_thread::get_id();
  made->lanes_.push_back({&origin, {}});
  origin.capture = made;
  origin.lane = 0;
  const RawLock lock(captures().mutex);
  captures().running.push_back(made.get());
  return cudaSuccess;
}

cudaError_t Capture::add(Stream& stream, Ref<Operation> operation) {
  if (!valid_) return cudaErrorStreamCaptureInvalidated;
  Lane& lane = lanes_[stream.lane];
  GraphNode node{std::move(operation), stream.lane, {}};
  for (const std::size_t before : lane.frontier) {
    if (nodes_[before].lane != stream.lane) node.after.push_back(before);
  }
  lane.frontier = {nodes_.size()};
  nodes_.push_back(std::move(node));
  return cudaSuccess;
}

Ref<Mark> Capture::mark(Stream& stream) {
  Ref<Mark> made(new Mark);
  made->capture = Ref<Capture>(this);
  made->nodes = lanes_[stream.lane].frontier;
  return made;
}

cudaError_t Capture::join(Stream& stream, const Mark& mark) {
  if (over_) return cudaErrorInvalidValue;
  if (!valid_) return cudaErrorStreamCaptureInvalidated;
  if (stream.capture && stream.capture.get() != this) {
    invalidate();
    stream.capture->invalidate();
    return cudaErrorStreamCaptureMerge;
  }
  if (!stream.capture) {
    stream.capture = Ref<Capture>(this);
    stream.lane = lanes_.size();
    lanes_.push_back({&stream, {}});
  }
  append(lanes_[stream.lane].frontier, mark.nodes);
  return cudaSuccess;
}

bool Capture::reached(std::size_t node, const std::vector<std::size_t>& from) const {
  std::vector<bool> seen(nodes_.size(), false);
  std::vector<std::size_t> open = from;
  while (!open.empty()) {
    const std::size_t at = open.back();
    open.pop_back();
    if (at == node) return true;
    if (seen[at]) continue;
    seen[at] = true;
    append(open, nodes_[at].after);
    for (std::size_t before = at; before-- > 0;) {  // the one before it in its lane
      if (nodes_[before].lane != nodes_[at].lane) continue;
      open.push_back(before);
      break;
    }
  }
  return false;
}

cudaError_t Capture::end(Stream& stream, Ref<Graph>* graph) {
  if (&stream != origin_) {
    invalidate();
    return cudaErrorStreamCaptureUnmatched;
  }
  if (mode_ != cudaStreamCaptureModeRelaxed && thread_ != std::this_thread::get_id()) {
    return cudaErrorStreamCaptureWrongThread;
  }
  const Ref<Capture> self(this);
  bool joined = true;
  for (const Lane& lane : lanes_) {
    for (const std::size_t node : lane.frontier) joined = joined && reached(node, lanes_[0].frontier);
    lane.stream->capture = {};
  }
  over_ = true;
  {
    const RawLock lock(captures().mutex);
    std::erase(captures().running, this);
  }
  if (!valid_) return cudaErrorStreamCaptureInvalidated;
  if (!joined) return cudaErrorStreamCaptureUnjoined;
  *graph = Ref<Graph>(new Graph);
  (*graph)->nodes = std::move(nodes_);
  (*graph)->lanes = lanes_.size();
  return cudaSuccess;
}

bool Capture::forbids_unsafe_calls() {
  const RawLock lock(captures().mutex);
  return std::any_of(captures().running.begin(), captures().running.end(), [](const Capture* capture) {
    return capture->mode_ == cudaStreamCaptureModeGlobal ||
           (capture->mode_ == cudaStreamCaptureModeThreadLocal && capture->thread_ == std::this_thread::get_id());
  });
}

void Capture::invalidate_all() {
  const RawLock lock(captures().mutex);
  for (Capture* capture : captures().running) capture->invalidate();
}

}  // namespace sidestep::emulation::detail

using namespace sidestep::emulation::detail;

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, enum cudaStreamCaptureMode mode) {
  return api(Call::cudaStreamBeginCapture, [&]() -> cudaError_t {
    Stream* stream = stream_of(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (stream == &default_stream()) return cudaErrorStreamCaptureUnsupported;
    return Capture::begin(*stream, mode);
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  return api(Call::cudaStreamEndCapture, [&]() -> cudaError_t {
    Stream* stream = stream_of(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (!graph) return cudaErrorInvalidValue;
    *graph = nullptr;
    if (!stream->capture) return cudaErrorIllegalState;
    Ref<Graph> made;
    const Ref<Capture> capture = stream->capture;
    const cudaError_t error = capture->end(*stream, &made);
    if (made) *graph = new CUgraph_st{made};
    return error;
  });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, enum cudaStreamCaptureStatus* status) {
  return api(Call::cudaStreamIsCapturing, [&]() -> cudaError_t {
    Stream* stream = stream_of(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (!status) return cudaErrorInvalidValue;
    *status = !stream->capture           ? cudaStreamCaptureStatusNone
              : stream->capture->valid() ? cudaStreamCaptureStatusActive
                                         : cudaStreamCaptureStatusInvalidated;
    return cudaSuccess;
  });
}

}  // extern "C"
