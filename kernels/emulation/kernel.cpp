/// Launches of kernels, and host tasks.

#include <cstring>
#include <map>
#include <utility>

#include <sidestep/kernels/emulation/calls.hpp>
#include <sidestep/kernels/emulation/capture.hpp>
#include <sidestep/kernels/emulation/faults.hpp>
#include <sidestep/kernels/emulation/heap.hpp>
#include <sidestep/kernels/emulation/launch.hpp>
#include <sidestep/kernels/emulation/protection.hpp>
#include <sidestep/kernels/emulation/report.hpp>
#include <sidestep/kernels/emulation/settings.hpp>
#include <sidestep/kernels/emulation/shared_arrays.hpp>
#include <sidestep/kernels/emulation/stream.hpp>

#include "include/sidestep_emulation.h"

namespace sidestep::emulation::detail {
namespace {

/// How much dynamic shared memory kernels may ask for, where it is more than 48 KiB.
struct Limits {
  RawMutex mutex;
  std::map<const void*, std::size_t> dynamic_shared;
};

Limits& limits() {
  static auto* instance = new Limits;
  return *instance;
}

class Kernel final : public Operation {
 public:
  Kernel(const cudaLaunchConfig_t& config, KernelCall* call) : config_(config), call_(call) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; const void* value = call->argument(call, i, &bytes); ++i) {
      // Pointers inside a structure count, too; but a word there may be anything, so only if it pointed to an
      // allocation.
      for (std::size_t at = 0; at + sizeof(void*) <= bytes; at += sizeof(void*)) {
        const void* pointer = nullptr;
        std::memcpy(&pointer, static_cast<const char*>(value) + at, sizeof pointer);
        if (heap().in_range(reinterpret_cast<std::uintptr_t>(pointer))) {
          uses(pointer, "argument " + std::to_string(i + 1), bytes == sizeof(void*));
        }
      }
    }
  }
  ~Kernel() override { call_->destroy(call_); }
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  cudaError_t run(Stream& on) override {
    if (const cudaError_t error = injected_failure(call_->kernel)) return error;
    Launch launch;
    launch.call = call_;
    launch.grid = config_.gridDim;
    launch.block = config_.blockDim;
    launch.dynamic_shared = config_.dynamicSmemBytes;
    launch.seed = mixed(emulation::seed(), on.launches++);
    launch.owner = &on;
    {
      const Loud loud;
      run_grid(launch);
    }
    return launch.error;
  }
  std::string name() const override { return "kernel " + function_name(call_->kernel); }

 private:
  cudaLaunchConfig_t config_;
  KernelCall* call_;
};

bool within(const dim3& n, std::uint64_t x, std::uint64_t y, std::uint64_t z) {
  return n.x >= 1 && n.y >= 1 && n.z >= 1 && n.x <= x && n.y <= y && n.z <= z;
}

std::string text(const dim3& n) {
  return "(" + std::to_string(n.x) + "," + std::to_string(n.y) + "," + std::to_string(n.z) + ")";
}

cudaError_t check(const cudaLaunchConfig_t& config, const void* kernel) {
  const auto refuse = [&](cudaError_t error, const std::string& why) {
    report("the launch of " + function_name(kernel) + " with a grid of " + text(config.gridDim) + " and blocks of " +
           text(config.blockDim) + " " + why + ".");
    return error;
  };
  if (config.numAttrs != 0) return refuse(cudaErrorNotSupported, "has attributes, which are not emulated");
  if (faults().compute_major < 8) return cudaErrorNoKernelImageForDevice;
  const dim3& block = config.blockDim;
  if (!within(config.gridDim, 2147483647, 65535, 65535))
    return refuse(cudaErrorInvalidConfiguration, "has a grid that no device takes");
  if (!within(block, 1024, 1024, 64) || std::uint64_t{block.x} * block.y * block.z > 1024) {
    return refuse(cudaErrorInvalidConfiguration, "has other than 1 to 1024 threads in a block");
  }
  std::size_t allowed = SharedArrays::static_limit;
  {
    const RawLock lock(limits().mutex);
    if (const auto found = limits().dynamic_shared.find(kernel); found != limits().dynamic_shared.end())
      allowed = found->second;
  }
  if (config.dynamicSmemBytes > allowed) {
    return refuse(cudaErrorInvalidValue, "asks for " + std::to_string(config.dynamicSmemBytes) +
                                             " bytes of dynamic shared memory, and may have " +
                                             std::to_string(allowed) + " (cudaFuncSetAttribute allows more)");
  }
  return cudaSuccess;
}

class Task final : public Operation {
 public:
  Task(std::function<void()> task, const char* name, std::initializer_list<const void*> touched)
      : task_(std::move(task)), name_(name) {
    int number = 0;
    for (const void* pointer : touched) uses(pointer, "pointer " + std::to_string(++number));
  }
  cudaError_t run(Stream&) override {
    const DeviceAccess access;
    const Loud loud;
    try {
      task_();
    } catch (const std::exception& error) {
      report(name_ + " failed: " + error.what() + ".");
      return cudaErrorLaunchFailure;
    }
    return task_failed() ? std::exchange(task_failed(), false), cudaErrorIllegalAddress : cudaSuccess;
  }
  std::string name() const override { return name_; }

  /// Set by reads() and writes(), for the task of this OS thread.
  static bool& task_failed() {
    static thread_local constinit bool failed = false;
    return failed;
  }

 private:
  std::function<void()> task_;
  std::string name_;
};

void touch(const void* pointer, std::size_t bytes, bool writes) {
  auto* address = const_cast<void*>(pointer);
  if (under_address_sanitizer()) (writes ? __asan_storeN : __asan_loadN)(address, bytes);
  if (under_thread_sanitizer()) (writes ? __tsan_write_range : __tsan_read_range)(address, bytes);
  const auto at = reinterpret_cast<std::uintptr_t>(pointer);
  if (!heap().in_range(at) || heap().holding(at, bytes).id != 0) return;
  const Quiet quiet;
  report(std::string(writes ? "a write" : "a read") + " of " + std::to_string(bytes) + " bytes at " + hexadecimal(at) +
         ", " + heap().describe(at) + ", leaves the allocation.");
  Task::task_failed() = true;
}

}  // namespace

cudaError_t launch(const cudaLaunchConfig_t* config, KernelCall* call) {
  const Quiet quiet;
  count(Call::cudaLaunchKernelEx);
  cudaError_t error = machine_error();
  if (error == cudaSuccess) error = sticky_error();
  if (error == cudaSuccess && !config) error = cudaErrorInvalidValue;
  if (error == cudaSuccess) error = check(*config, call->kernel);
  if (error != cudaSuccess) {
    call->destroy(call);
    return remember(error);
  }
  return remember(submit(config->stream, Ref<Operation>(new Kernel(*config, call))));
}

}  // namespace sidestep::emulation::detail

namespace sidestep::emulation {

using namespace detail;

cudaError_t enqueue(cudaStream_t stream, std::function<void()> task, const char* name,
                    std::initializer_list<const void*> touched) {
  return api(Call::enqueue, [&] { return submit(stream, Ref<Operation>(new Task(std::move(task), name, touched))); });
}

void reads(const void* pointer, std::size_t bytes) { touch(pointer, bytes, false); }
void writes(const void* pointer, std::size_t bytes) { touch(pointer, bytes, true); }

}  // namespace sidestep::emulation

extern "C" cudaError_t cudaFuncSetAttribute(const void* kernel, enum cudaFuncAttribute attribute, int value) {
  using namespace sidestep::emulation::detail;
  return api(Call::cudaFuncSetAttribute, [&]() -> cudaError_t {
    if (!kernel) return cudaErrorInvalidDeviceFunction;
    if (const cudaError_t said = sidestep::emulation::faults().kernel_load) return said;
    if (attribute == cudaFuncAttributePreferredSharedMemoryCarveout) return cudaSuccess;
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0 ||
        static_cast<std::size_t>(value) > SharedArrays::optin_limit) {
      return cudaErrorInvalidValue;
    }
    const RawLock lock(limits().mutex);
    limits().dynamic_shared[kernel] = static_cast<std::size_t>(value);
    return cudaSuccess;
  });
}
