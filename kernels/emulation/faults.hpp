#pragma once

/// The faults that tests ask for, where they strike.

#include <cstddef>

#include "include/cuda_runtime_api.h"

namespace sidestep::emulation::detail {

/// What this run of the kernel was made to fail with.
cudaError_t injected_failure(const void* kernel);

/// The device's memory in bytes, as it is now.
std::size_t memory_limit();

}  // namespace sidestep::emulation::detail
