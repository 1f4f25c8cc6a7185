#pragma once

#include <sidestep/kernels/cuda_backend.hpp>

namespace sidestep::kernels::cuda {

/// The device that a session takes: the first. Several come later.
inline constexpr int the_device = 0;

/// Asks the driver, and says what is there or what is missing. Throws nothing.
CudaStatus inspect_device();

}  // namespace sidestep::kernels::cuda
