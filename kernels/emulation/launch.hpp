#pragma once

/// One launch of a kernel on its way through the emulation.

#include <cstddef>
#include <cstdint>
#include <string>

#include "include/cuda_runtime_api.h"
#include "include/sidestep_launch.h"

namespace sidestep::emulation::detail {

struct Launch {
  const KernelCall* call = nullptr;
  dim3 grid;
  dim3 block;
  std::size_t dynamic_shared = 0;
  std::uint64_t seed = 0;
  /// Whose fibers run it. Each stream has its own under ThreadSanitizer: a fiber's past is ordered before its future.
  const void* owner = nullptr;

  bool failed = false;              ///< atomic: set by the first block that fails; the others then don't begin
  cudaError_t error = cudaSuccess;  ///< what the stream gets
  char begin = 0;                   ///< address only: the stream's past comes before the grid
  char end = 0;                     ///< address only: the grid comes before the stream's future
};

/// Runs a whole grid, on this thread and oneTBB's workers, and returns when it has ended.
void run_grid(Launch& launch);

}  // namespace sidestep::emulation::detail
