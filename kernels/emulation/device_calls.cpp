/// What device code calls, on behalf of the running thread.

#include <time.h>

#include <cstdio>
#include <cstdlib>

#include <sidestep/kernels/emulation/block.hpp>
#include <sidestep/kernels/emulation/report.hpp>
#include <sidestep/kernels/emulation/sanitizer.hpp>

#include "include/device_functions.h"
#include "include/sidestep_emulation.h"

namespace sidestep::emulation {
namespace detail {
namespace {

char fence_cell = 0;  // address only

}  // namespace

unsigned active_mask() {
  BlockRunner& running = running_or_abort();
  const Warp& warp = running.warp_of(running.current());
  return warp.existing & ~warp.ended;
}
unsigned lane() { return running_or_abort().current().number % 32; }

/// ThreadSanitizer doesn't model fences; in its eyes all of them are one variable, in the order in which they happen.
/// That is more order than CUDA promises, and never less.
void fence() {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  tsan_acquire(&fence_cell);
  tsan_release(&fence_cell);
}

void yield() { running_or_abort().yield(); }
void trap(Place place) {
  running_or_abort().fail(cudaErrorIllegalInstruction,
                          [&] { return where_am_i() + " called __trap at " + text(place) + "."; });
}
std::uint64_t cycles() { return emulation::clock(); }

void* shared_memory(std::size_t bytes, std::size_t alignment, const void* tag) {
  BlockRunner& running = running_or_abort();
  void* data = running.shared(bytes, alignment, tag);
  if (!data) {
    running.fail(cudaErrorInvalidValue, [] {
      return where_am_i() + " asks for more static shared memory than the " +
             std::to_string(SharedArrays::static_limit) + " bytes that a block has.";
    });
  }
  return data;
}

void* dynamic_shared_memory(std::size_t alignment) { return running_or_abort().dynamic_shared(alignment); }

}  // namespace detail

std::uint64_t clock() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace sidestep::emulation
