#pragma once

#include <nvtx3/nvToolsExt.h>

namespace sidestep::kernels::cuda {

/// A named range on the profiler's time line, from here to the end of the scope. Costs nothing without a profiler.
class Range {
 public:
  explicit Range(const char* name) { nvtxRangePushA(name); }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;
  ~Range() { nvtxRangePop(); }
};

}  // namespace sidestep::kernels::cuda
