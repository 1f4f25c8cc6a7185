/// Events: the last mark that was recorded.

#include <sidestep/kernels/emulation/calls.hpp>
#include <sidestep/kernels/emulation/capture.hpp>
#include <sidestep/kernels/emulation/stream.hpp>

struct CUevent_st {
  unsigned flags;
  sidestep::emulation::detail::RawMutex mutex;
  sidestep::emulation::detail::Ref<sidestep::emulation::detail::Mark> mark;
};

namespace sidestep::emulation::detail {
namespace {

constexpr unsigned known_flags = cudaEventBlockingSync | cudaEventDisableTiming;

cudaError_t create_event(cudaEvent_t* event, unsigned flags) {
  if (!event || (flags & ~known_flags)) return cudaErrorInvalidValue;
  *event = new CUevent_st{flags, {}, {}};
  return cudaSuccess;
}

Ref<Mark> mark_of(cudaEvent_t event) {
  const RawLock lock(event->mutex);
  return event->mark;
}

}  // namespace
}  // namespace sidestep::emulation::detail

using namespace sidestep::emulation::detail;

extern "C" {

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return api(Call::cudaEventCreate, [&] { return create_event(event, cudaEventDefault); });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int flags) {
  return api(Call::cudaEventCreateWithFlags, [&] { return create_event(event, flags); });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
  return api(Call::cudaEventRecord, [&]() -> cudaError_t {
    Stream* stream = stream_of(handle);
    if (!event || !stream) return cudaErrorInvalidResourceHandle;
    Ref<Mark> mark;
    if (stream->capture) {
      mark = stream->capture->mark(*stream);
    } else {
      mark = stream->mark();
    }
    const RawLock lock(event->mutex);
    event->mark = mark;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned int flags) {
  return api(Call::cudaStreamWaitEvent, [&]() -> cudaError_t {
    Stream* stream = stream_of(handle);
    if (!event || !stream) return cudaErrorInvalidResourceHandle;
    if (flags != 0) return cudaErrorInvalidValue;
    const Ref<Mark> mark = mark_of(event);
    if (mark && mark->capture) return mark->capture->join(*stream, *mark);
    if (stream->capture) {
      if (!mark) return cudaSuccess;
      stream->capture->invalidate();
      return cudaErrorStreamCaptureIsolation;
    }
    if (mark) stream->wait_for(mark);
    return cudaSuccess;
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return api(Call::cudaEventQuery, [&]() -> cudaError_t {
    if (!event) return cudaErrorInvalidResourceHandle;
    const Ref<Mark> mark = mark_of(event);
    if (!mark) return cudaSuccess;
    if (mark->capture) return cudaErrorCapturedEvent;
    return mark->done_and_seen() ? sticky_error() : cudaErrorNotReady;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return api(Call::cudaEventSynchronize, [&]() -> cudaError_t {
    if (!event) return cudaErrorInvalidResourceHandle;
    const Ref<Mark> mark = mark_of(event);
    if (!mark) return cudaSuccess;
    if (mark->capture) return cudaErrorCapturedEvent;
    mark->wait();
    return sticky_error();
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  return api(Call::cudaEventElapsedTime, [&]() -> cudaError_t {
    if (!milliseconds) return cudaErrorInvalidValue;
    if (!start || !end || ((start->flags | end->flags) & cudaEventDisableTiming)) return cudaErrorInvalidResourceHandle;
    const Ref<Mark> first = mark_of(start);
    const Ref<Mark> last = mark_of(end);
    if (!first || !last || first->capture || last->capture) return cudaErrorInvalidResourceHandle;
    if (!first->done_and_seen() || !last->done_and_seen()) return cudaErrorNotReady;
    const auto between = static_cast<std::int64_t>(last->nanoseconds - first->nanoseconds);
    *milliseconds = static_cast<float>(static_cast<double>(between) * 1e-6);
    return cudaSuccess;
  });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const Quiet quiet;
  count(Call::cudaEventDestroy);
  if (!event) return remember(cudaErrorInvalidResourceHandle);
  delete event;
  return sticky_error();
}

}  // extern "C"
