#pragma once

/// What the emulation has and CUDA hasn't: shared arrays, a clock, host tasks on a stream, counted calls, faults on
/// demand.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cuda_runtime_api.h"

extern "C++" {

namespace sidestep::emulation {

// ---- in device code

namespace detail {
void* shared_memory(std::size_t bytes, std::size_t alignment, const void* tag);
void* dynamic_shared_memory(std::size_t alignment);
}  // namespace detail

/// The running block's array for this tag: made when its first thread asks, filled with 0xFF, between red zones, the
/// same for all its threads. The tag is an address that belongs to the declaration:
///   float* tile = shared_array<float>(256, [] { static char tag; return &tag; }());
template <class T>
T* shared_array(std::size_t count, const void* tag) {
  return static_cast<T*>(detail::shared_memory(count * sizeof(T), alignof(T), tag));
}

/// The block's dynamic shared memory: as many bytes as the launch asked for.
template <class T>
T* dynamic_shared() {
  return static_cast<T*>(detail::dynamic_shared_memory(alignof(T)));
}

/// Nanoseconds, as PTX's %globaltimer counts them.
std::uint64_t clock();

/// Is the planted fault of this name switched on? For tests of the tools: cheap enough for device code.
bool planted(const char* name);

// ---- on a stream

/// Runs a host task when the stream comes to it, with access to device memory; a capture records it as a node.
/// `touched`: device pointers that it uses, so that a replay finds a stale one.
cudaError_t enqueue(cudaStream_t stream, std::function<void()> task, const char* name = "host task",
                    std::initializer_list<const void*> touched = {});

/// For such tasks, whose libraries sanitizers don't see: says to them that [pointer, pointer + bytes) is read or
/// written here, and fails (AddressSanitizer's report, or a sentence and an error of the stream) if it isn't all
/// allocated.
void reads(const void* pointer, std::size_t bytes);
void writes(const void* pointer, std::size_t bytes);

// ---- order

/// The seed that shuffles blocks and, between barriers, threads. At start SIDESTEP_EMULATION_SEED, or 1.
void set_seed(std::uint64_t seed);
std::uint64_t seed();

// ---- what was called

/// How often each function of the runtime was called since the start or reset_calls().
std::map<std::string, std::uint64_t> calls();
void reset_calls();

/// Is this thread within a function of the runtime's (or NVTX's)? What it does there, memory that it takes for instance,
/// is the emulation's: a test that replaces operator new counts only the rest.
bool inside_a_call();

/// NVTX ranges of this name: how often they began, and ended. One that ends where none is open has no name.
struct RangeCount {
  std::uint64_t begun = 0, ended = 0;

  bool operator==(const RangeCount&) const = default;
};

/// By name, since the start or reset_ranges(); of all threads.
std::map<std::string, RangeCount> ranges();
void reset_ranges();

// ---- what went wrong

/// The last error that the emulation described: one sentence with kernel, block and thread. "" when there was none.
std::string last_report();

/// Forgets a sticky error, as cudaDeviceReset would. Nothing may be running.
void forget_errors();

// ---- faults on demand

/// A launch that fails: the n-th (1 is the next) whose kernel's name contains `kernel`. Sticky, as on a device.
struct FailingLaunch {
  std::string kernel;
  std::uint64_t n = 1;
  cudaError_t error = cudaErrorIllegalAddress;
};

/// Another program that takes memory meanwhile: from the n-th run (1 is the next) of a kernel whose name contains
/// `kernel` on, the device has no more than this.
struct Neighbour {
  std::string kernel;
  std::uint64_t n = 1;
  std::size_t memory_limit = 0;
};

/// What the emulated machine is like. From SIDESTEP_EMULATION_FAULTS at start, for example
/// "no_driver;driver=12040;compute=7.5;memory=64M;memory=8M@sgd_step:3;illegal_address=sgd_step:3;plant=late_wait".
struct Faults {
  bool no_driver = false;               ///< cudaErrorInsufficientDriver, and cudaDriverGetVersion gives 0, as CUDA does
  bool no_device = false;               ///< a driver, but cudaErrorNoDevice
  int driver_version = CUDART_VERSION;  ///< of an older major version: cudaErrorInsufficientDriver
  int compute_major = 9;                ///< 9.0 is an H100
  int compute_minor = 0;
  cudaError_t kernel_load = cudaSuccess;            ///< what cudaFuncSetAttribute says of every kernel
  std::size_t memory_limit = std::size_t{8} << 30;  ///< the device's memory, in bytes
  std::vector<FailingLaunch> failing_launches;
  std::vector<Neighbour> neighbours;
  std::set<std::string> planted;  ///< names for planted()
};

/// Change it while nothing runs.
Faults& faults();

}  // namespace sidestep::emulation

}  // extern "C++"
