#include <sidestep/kernels/cuda/check.hpp>

namespace sidestep::kernels::cuda {

/// For launch() in device.cuh, so that kernel files need no libraries' headers.
[[noreturn]] void throw_launch_failed(cudaError_t error, const char* file, int line) {
  throw_failed(error, "cudaLaunchKernelEx", file, line);
}

}  // namespace sidestep::kernels::cuda
