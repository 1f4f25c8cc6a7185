#pragma once

// The same tests run emulated and on a device. What only the emulation has (an order of threads to choose, calls that
// are counted) is here for a device as far as a test can do without it.

#ifdef SIDESTEP_CUDA_EMULATION
#include <sidestep_emulation.h>

namespace sidestep::kernels::cuda::test {
inline constexpr const char* backend = "cuda-emulated";
}
#else
#include <cstdint>

namespace sidestep::kernels::cuda::test {
inline constexpr const char* backend = "cuda";

/// A device orders blocks and threads as it likes, each time anew.
namespace emulation {
inline void set_seed(std::uint64_t) {}
}  // namespace emulation
}  // namespace sidestep::kernels::cuda::test
#endif
