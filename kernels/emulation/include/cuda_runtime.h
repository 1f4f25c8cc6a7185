#pragma once

/// Stand-in for <cuda_runtime.h>: the runtime's interface, the words of device code, and cudaLaunchKernelEx. Compile a
/// .cu file as C++ (`-x c++`) with this folder first among the include folders, and its kernels run on the CPU.

#include "cuda_runtime_api.h"
#include "device_functions.h"
#include "sidestep_launch.h"
#include "vector_functions.h"
