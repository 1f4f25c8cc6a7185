#pragma once

/// Streams: OS threads that run operations in order.

#include <cstdint>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include <sidestep/kernels/emulation/heap.hpp>
#include <sidestep/kernels/emulation/raw.hpp>

#include "include/cuda_runtime_api.h"

namespace sidestep::emulation::detail {

class Capture;

/// A point in a stream that others can wait for: what cudaEventRecord leaves behind.
class Mark : public Counted {
 public:
  void complete();  ///< on the stream: all that came before is done
  void wait();      ///< on whichever thread: all that came before is seen
  bool done_and_seen();

  std::uint64_t nanoseconds = 0;   ///< when it was completed
  Ref<Capture> capture;            ///< recorded in a capture: nothing will ever complete it
  std::vector<std::size_t> nodes;  ///< of that capture

 private:
  std::uint32_t done_ = 0;
};

/// A device pointer that an operation uses, and the allocation that it pointed to when it was asked for.
struct PointerUse {
  std::uintptr_t address = 0;
  Allocation allocation;  ///< id 0: there was none
  std::string what;       ///< "argument 2"
};

class Stream;

/// Something that a stream does. It may be done again: a graph's node.
class Operation : public Counted {
 public:
  virtual ~Operation() = default;
  virtual cudaError_t run(Stream& on) = 0;
  virtual std::string name() const = 0;
  /// Done even when an earlier operation failed: others wait for it.
  virtual bool always() const { return false; }

  void uses(const void* pointer, std::string what, bool strictly = true);
  /// An error, described, when what it uses has been freed.
  cudaError_t check_pointers(const std::string& in) const;

 private:
  std::vector<PointerUse> pointers_;
};

class Stream : public Counted {
 public:
  explicit Stream(unsigned flags) : flags_(flags), thread_([this] { main(); }) {}
  ~Stream() { finish(); }

  void push(Ref<Operation> operation);
  /// Waits until all that was pushed is done, and sees it.
  void synchronize();
  bool idle_and_seen();
  void wait_for(const Ref<Mark>& mark);
  Ref<Mark> mark();
  void finish();  ///< does what is left, then ends the thread
  bool blocking() const { return (flags_ & cudaStreamNonBlocking) == 0; }

  Ref<Capture> capture;        ///< null unless it is capturing; read and changed by callers, as CUDA asks of them
  std::size_t lane = 0;        ///< of the capture
  std::uint64_t launches = 0;  ///< the stream's own thread counts them
  Ref<Mark> legacy_seen;       ///< of the default stream, already waited for

 private:
  struct Entry {
    Ref<Operation> operation;
    char* sync;  // address only: what came before the push comes before the operation
  };
  void main();

  unsigned flags_;
  RawMutex mutex_;
  RawCondition changed_;
  std::deque<Entry> entries_;
  std::uint64_t pushed_ = 0, done_ = 0;
  bool finishing_ = false;
  char done_cell_ = 0;  // address only
  std::thread thread_;
};

/// The stream behind a handle; null for one that doesn't exist. 0 and cudaStreamLegacy are the default stream.
Stream* stream_of(cudaStream_t handle);
Stream& default_stream();

/// Gives the operation to the stream, or to the capture that it is in. Orders it with the default stream.
cudaError_t submit(cudaStream_t handle, Ref<Operation> operation);

/// Waits for all streams.
void synchronize_device();

}  // namespace sidestep::emulation::detail

struct CUstream_st {
  sidestep::emulation::detail::Ref<sidestep::emulation::detail::Stream> stream;
};
