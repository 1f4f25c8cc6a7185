/// All streams, and how the default stream stands among them.

#include <algorithm>
#include <vector>

#include <sidestep/kernels/emulation/calls.hpp>
#include <sidestep/kernels/emulation/capture.hpp>
#include <sidestep/kernels/emulation/memory.hpp>
#include <sidestep/kernels/emulation/report.hpp>
#include <sidestep/kernels/emulation/stream.hpp>

namespace sidestep::emulation::detail {
namespace {

struct Streams {
  RawMutex mutex;
  std::vector<CUstream_st*> made;
  CUstream_st* standard = nullptr;  // the default stream
};

Streams& streams() {
  static auto* instance = new Streams;  // outlives every thread
  return *instance;
}

bool is_default(cudaStream_t handle) { return handle == nullptr || handle == cudaStreamLegacy; }

}  // namespace

Stream& default_stream() {
  Streams& all = streams();
  const RawLock lock(all.mutex);
  if (!all.standard) all.standard = new CUstream_st{Ref<Stream>(new Stream(cudaStreamDefault))};
  return *all.standard->stream;
}

Stream* stream_of(cudaStream_t handle) {
  if (is_default(handle)) return &default_stream();
  Streams& all = streams();
  const RawLock lock(all.mutex);
  return std::find(all.made.begin(), all.made.end(), handle) != all.made.end() ? handle->stream.get() : nullptr;
}

cudaError_t submit(cudaStream_t handle, Ref<Operation> operation) {
  Stream* stream = stream_of(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  if (stream->capture) return stream->capture->add(*stream, std::move(operation));
  if (!stream->blocking()) {
    stream->push(std::move(operation));
    return cudaSuccess;
  }
  // The default stream waits for all blocking streams, and they for it.
  Streams& all = streams();
  const RawLock lock(all.mutex);
  if (is_default(handle)) {
    for (CUstream_st* other : all.made) {
      if (!other->stream->blocking() || other->stream->capture) continue;
      stream->wait_for(other->stream->mark());
    }
    stream->push(std::move(operation));
    stream->legacy_seen = stream->mark();
    return cudaSuccess;
  }
  if (all.standard && all.standard->stream->legacy_seen) {
    const Ref<Mark> last = all.standard->stream->legacy_seen;
    if (!(stream->legacy_seen == last)) stream->wait_for(last);
    stream->legacy_seen = last;
  }
  stream->push(std::move(operation));
  return cudaSuccess;
}

void synchronize_device() {
  std::vector<Ref<Stream>> waiting;
  {
    Streams& all = streams();
    const RawLock lock(all.mutex);
    for (CUstream_st* made : all.made) waiting.push_back(made->stream);
    if (all.standard) waiting.push_back(all.standard->stream);
  }
  for (const auto& stream : waiting) stream->synchronize();
  memory_after_synchronizing();
}

namespace {

/// A capturing stream can't be waited for.
cudaError_t refuse_in_capture(Stream& stream) {
  if (!stream.capture) return cudaSuccess;
  stream.capture->invalidate();
  return cudaErrorStreamCaptureUnsupported;
}

cudaError_t create_stream(cudaStream_t* handle, unsigned flags) {
  if (!handle || (flags & ~unsigned{cudaStreamNonBlocking})) return cudaErrorInvalidValue;
  auto* made = new CUstream_st{Ref<Stream>(new Stream(flags))};
  Streams& all = streams();
  const RawLock lock(all.mutex);
  all.made.push_back(made);
  *handle = made;
  return cudaSuccess;
}

}  // namespace
}  // namespace sidestep::emulation::detail

using namespace sidestep::emulation::detail;

extern "C" {

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return api(Call::cudaStreamCreate, [&] { return create_stream(stream, cudaStreamDefault); });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned int flags) {
  return api(Call::cudaStreamCreateWithFlags, [&] { return create_stream(stream, flags); });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const Quiet quiet;
  count(Call::cudaStreamDestroy);
  Streams& all = streams();
  {
    const RawLock lock(all.mutex);
    const auto found = std::find(all.made.begin(), all.made.end(), stream);
    if (found == all.made.end()) return remember(cudaErrorInvalidResourceHandle);
    all.made.erase(found);
  }
  if (stream->stream->capture) stream->stream->capture->invalidate();
  stream->stream->capture = {};
  stream->stream->finish();  // CUDA returns at once and finishes behind the caller's back
  delete stream;
  return sticky_error();
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  return api(Call::cudaStreamSynchronize, [&]() -> cudaError_t {
    Stream* stream = stream_of(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (const cudaError_t error = refuse_in_capture(*stream)) return error;
    stream->synchronize();
    memory_after_synchronizing();
    return sticky_error();
  });
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  return api(Call::cudaStreamQuery, [&]() -> cudaError_t {
    Stream* stream = stream_of(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (const cudaError_t error = refuse_in_capture(*stream)) return error;
    if (!stream->idle_and_seen()) return cudaErrorNotReady;
    return sticky_error();
  });
}

cudaError_t cudaDeviceSynchronize(void) {
  return api(Call::cudaDeviceSynchronize, [&]() -> cudaError_t {
    synchronize_device();
    return sticky_error();
  });
}

}  // extern "C"
