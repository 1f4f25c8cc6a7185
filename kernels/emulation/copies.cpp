/// Copies and fills, in stream order.

#include <cstdlib>
#include <cstring>

#include <sidestep/kernels/emulation/calls.hpp>
#include <sidestep/kernels/emulation/capture.hpp>
#include <sidestep/kernels/emulation/memory.hpp>
#include <sidestep/kernels/emulation/protection.hpp>
#include <sidestep/kernels/emulation/report.hpp>
#include <sidestep/kernels/emulation/stream.hpp>

namespace sidestep::emulation::detail {
namespace {

class Copy final : public Operation {
 public:
  Copy(void* to, const void* from, std::size_t bytes, void* staged)
      : to_(to), from_(from), bytes_(bytes), staged_(staged) {
    uses(to, "the destination");
    uses(from, "the source");
  }
  ~Copy() override { std::free(staged_); }
  cudaError_t run(Stream&) override {
    const DeviceAccess access;
    if (staged_) {  // the destination alone is the user's
      const void* staged = staged_;
      std::memmove(to_, staged, bytes_);
      if (under_thread_sanitizer()) {
        const Loud loud;
        __tsan_write_range(to_, bytes_);
      }
      return cudaSuccess;
    }
    const Loud loud;  // the sanitizers' memmove sees what is read and written
    std::memmove(to_, from_, bytes_);
    return cudaSuccess;
  }
  std::string name() const override { return "cudaMemcpyAsync"; }

 private:
  void* to_;
  const void* from_;
  std::size_t bytes_;
  void* staged_;
};

class Fill final : public Operation {
 public:
  Fill(void* to, int value, std::size_t bytes) : to_(to), value_(value), bytes_(bytes) { uses(to, "the destination"); }
  cudaError_t run(Stream&) override {
    const DeviceAccess access;
    const Loud loud;
    std::memset(to_, value_, bytes_);
    return cudaSuccess;
  }
  std::string name() const override { return "cudaMemsetAsync"; }

 private:
  void* to_;
  int value_;
  std::size_t bytes_;
};

bool fits(cudaMemcpyKind kind, const Span& to, const Span& from) {
  const bool to_device = to.where == Where::device;
  const bool from_device = from.where == Where::device;
  switch (kind) {
    case cudaMemcpyHostToHost:
      return !to_device && !from_device;
    case cudaMemcpyHostToDevice:
      return !from_device && to.where != Where::pageable;
    case cudaMemcpyDeviceToHost:
      return !to_device && from.where != Where::pageable;
    case cudaMemcpyDeviceToDevice:
      return to.where != Where::pageable && from.where != Where::pageable;
    case cudaMemcpyDefault:
      return true;
  }
  return false;
}

cudaError_t copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t handle, bool wait) {
  Stream* stream = stream_of(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  if (bytes == 0) return cudaSuccess;
  if (!to || !from) return cudaErrorInvalidValue;
  Span target, source;
  if (!classify(to, bytes, "a copy", &target) || !classify(from, bytes, "a copy", &source))
    return cudaErrorInvalidValue;
  if (!fits(kind, target, source)) {
    report("a copy's kind (" + std::to_string(kind) +
           ") doesn't fit its pointers: one of them is in the other's memory.");
    return kind < 0 || kind > cudaMemcpyDefault ? cudaErrorInvalidMemcpyDirection : cudaErrorInvalidValue;
  }
  void* staged = nullptr;
  if (source.where == Where::pageable && !stream->capture && !wait) {
    // As the driver does: the caller may change pageable memory as soon as the call has returned.
    staged = std::malloc(bytes);
    if (!staged) return cudaErrorMemoryAllocation;
    const Loud loud;
    std::memcpy(staged, from, bytes);
  }
  const cudaError_t error = submit(handle, Ref<Operation>(new Copy(to, from, bytes, staged)));
  if (error != cudaSuccess || stream->capture) return error;
  if (wait || target.where == Where::pageable) stream->synchronize();
  return sticky_error();
}

cudaError_t fill(void* to, int value, std::size_t bytes, cudaStream_t handle) {
  if (!stream_of(handle)) return cudaErrorInvalidResourceHandle;
  if (bytes == 0) return cudaSuccess;
  Span target;
  if (!to || !classify(to, bytes, "a memset", &target) || target.where == Where::pageable) return cudaErrorInvalidValue;
  return submit(handle, Ref<Operation>(new Fill(to, value, bytes)));
}

}  // namespace
}  // namespace sidestep::emulation::detail

using namespace sidestep::emulation::detail;

extern "C" {

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, enum cudaMemcpyKind kind) {
  return api(Call::cudaMemcpy, [&] { return copy(to, from, bytes, kind, nullptr, true); });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, enum cudaMemcpyKind kind, cudaStream_t stream) {
  return api(Call::cudaMemcpyAsync, [&] { return copy(to, from, bytes, kind, stream, false); });
}

cudaError_t cudaMemset(void* pointer, int value, size_t bytes) {
  return api(Call::cudaMemset, [&] { return fill(pointer, value, bytes, nullptr); });
}

cudaError_t cudaMemsetAsync(void* pointer, int value, size_t bytes, cudaStream_t stream) {
  return api(Call::cudaMemsetAsync, [&] { return fill(pointer, value, bytes, stream); });
}

}  // extern "C"
