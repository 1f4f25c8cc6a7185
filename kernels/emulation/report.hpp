#pragma once

/// Errors that the emulation describes: one sentence on standard error and in last_report(), and CUDA's number for
/// callers.

#include <string>

#include <sidestep/kernels/emulation/launch.hpp>

#include "include/device_functions.h"

namespace sidestep::emulation::detail {

/// Writes the sentence and keeps it. `sidestep_emulation_error` is a function to break at in a debugger.
void report(const std::string& sentence);

/// The same for a kernel; the first error of a launch is the launch's.
void report_launch_error(Launch& launch, cudaError_t error, const std::string& sentence);

std::string last_report_text();
void clear_reports();

/// "block (0,1,0) of kernel f(float*)", on a worker.
std::string where_in_grid(const Launch& launch);

std::string text(Place place);
std::string text(uint3 index);
std::string hexadecimal(unsigned long long number);
/// The demangled name of a function, from this program's symbols; its address where there are none.
std::string function_name(const void* function);

}  // namespace sidestep::emulation::detail
