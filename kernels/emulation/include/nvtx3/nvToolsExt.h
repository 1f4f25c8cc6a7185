#pragma once

/// Stand-in for <nvtx3/nvToolsExt.h>: a thread's ranges are counted (sidestep_emulation.h), nothing is recorded.

#include <stdint.h>

extern "C++" {
namespace sidestep::emulation::detail {
int push_range(const char* name);
int pop_range();
}  // namespace sidestep::emulation::detail
}

/// The new range's level, from 0.
inline int nvtxRangePushA(const char* name) { return ::sidestep::emulation::detail::push_range(name); }
/// The level of the range that ends; negative where none was open.
inline int nvtxRangePop(void) { return ::sidestep::emulation::detail::pop_range(); }
inline void nvtxMarkA(const char*) {}

typedef uint64_t nvtxRangeId_t;
inline nvtxRangeId_t nvtxRangeStartA(const char*) { return 0; }
inline void nvtxRangeEnd(nvtxRangeId_t) {}
inline void nvtxNameOsThreadA(uint32_t, const char*) {}
