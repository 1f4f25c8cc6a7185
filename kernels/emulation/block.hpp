#pragma once

/// One block of threads at a time, on one OS thread.
///
/// Threads run to their end one after the other, on one stack, in an order shuffled by the seed. Only a thread that
/// waits, at a barrier or in a warp's call, keeps its fiber, and the next thread gets another: a kernel without
/// barriers never switches. (Under ThreadSanitizer each thread has a fiber of its own, or it would take them for one
/// thread.)

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <sidestep/kernels/emulation/fiber.hpp>
#include <sidestep/kernels/emulation/launch.hpp>
#include <sidestep/kernels/emulation/shared_arrays.hpp>

#include "include/device_functions.h"

namespace sidestep::emulation::detail {

enum class ThreadState : unsigned char { unstarted, ready, running, at_barrier, in_warp_call, ended };

struct DeviceThread {
  uint3 index{};
  unsigned number = 0;  // within the block; lane = number % 32
  ThreadState state = ThreadState::unstarted;
  Fiber* fiber = nullptr;
  Place place{};

  // what it brought to a warp's call, and what it gets
  WarpCall call{};
  unsigned mask = 0;
  int source = 0;
  std::uint64_t word = 0;
  std::uint64_t result = 0;
  unsigned char cell = 0;  // which of the warp's two sync variables it released
  bool both_cells = false;
};

struct Warp {
  unsigned existing = 0;  // lanes that the block has
  unsigned waiting = 0;
  unsigned ended = 0;
  unsigned char cell = 0;
};

class BlockRunner {
 public:
  BlockRunner() = default;
  BlockRunner(const BlockRunner&) = delete;
  BlockRunner& operator=(const BlockRunner&) = delete;

  /// Runs the block. False when it failed; the launch then has the error.
  bool run(Launch& launch, std::uint64_t block);

  // ---- for the running thread
  int barrier(bool predicate, Place place);
  std::uint64_t exchange(unsigned mask, std::uint64_t word, int source, WarpCall call, Place place);
  void yield();
  /// What `describe()` says of it ends the block. (A function: what is made for the sentence must be gone before the
  /// stack is left for good.)
  template <class Describe>
  [[noreturn]] void fail(cudaError_t error, const Describe& describe) {
    end_with(error, describe());
  }
  void* shared(std::size_t bytes, std::size_t alignment, const void* tag) { return shared_.get(bytes, alignment, tag); }
  void* dynamic_shared(std::size_t alignment) { return shared_.dynamic(alignment); }
  DeviceThread& current() { return *current_; }
  Warp& warp_of(const DeviceThread& thread) { return warps_[thread.number / 32]; }
  const Launch& launch() const { return *launch_; }
  bool owns_guard(const void* address) const;

  const void* owner = nullptr;  // of the pool that it came from
  BlockRunner* next = nullptr;  // in the pool

 private:
  static void fiber_main();
  void prepare(Launch& launch, std::uint64_t block);
  void run_current();
  void suspend(ThreadState state);
  void make_ready(DeviceThread& thread);
  DeviceThread* next_ready();
  DeviceThread* next_unstarted();
  Fiber& fresh_fiber();
  void go_to(DeviceThread& thread);
  void leave();  // the running fiber's last act: to the next thread, or out
  /// To the OS thread's stack, for good.
  [[noreturn]] void end_with(cudaError_t error, std::string&& sentence);
  void complete_barrier();
  /// False when one of the lanes waits in another call, or for others.
  bool complete_exchange(unsigned needed);
  std::string deadlock() const;
  std::uint32_t random(std::uint32_t below);
  /// This OS thread's beginning comes before what its fibers do: they read its threadIdx, which it made.
  char* start_cell() { return cells_ + 8 * 2; }
  char* warp_cell(const DeviceThread& thread, unsigned cell) {
    return cells_ + 8 * (3 + thread.number / 32 * 2 + cell);
  }

  Launch* launch_ = nullptr;
  std::vector<DeviceThread> threads_;
  std::vector<Warp> warps_;
  std::vector<unsigned> order_;  // in which threads begin
  std::size_t begun_ = 0;
  std::vector<DeviceThread*> ready_;  // a ring
  std::size_t ready_first_ = 0, ready_count_ = 0;
  unsigned count_ = 0, waiting_ = 0, ended_ = 0;
  unsigned phase_ = 0;
  int true_[2] = {0, 0};  // predicates that were true, for each phase
  DeviceThread* current_ = nullptr;
  Fiber* running_ = nullptr;
  Fiber main_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> free_fibers_;
  std::uint64_t random_ = 1;
  bool failed_ = false;
  SharedArrays shared_;
  // sync variables: two for barriers, one for the start, two for each warp; under ThreadSanitizer only
  char* cells_ = nullptr;
};

/// The runner of the block that this OS thread is in; null on a host thread.
extern thread_local __attribute__((tls_model("initial-exec"))) constinit BlockRunner* runner;
inline BlockRunner* running_block() { return runner; }
/// The same for device code: on the host there is nothing to be done.
[[noreturn]] void called_on_host();
inline BlockRunner& running_or_abort() {
  if (!runner) called_on_host();
  return *runner;
}

/// "thread (3,0,0) of block (0,1,0) of kernel 'f(float*)'", or "" outside kernels. For messages.
std::string where_am_i();

}  // namespace sidestep::emulation::detail
