#pragma once

/// Who has how much of the device's memory, and which host memory is pinned.

#include <cstddef>
#include <cstdint>

#include "include/cuda_runtime_api.h"

namespace sidestep::emulation::detail {

/// Pools whose threshold is lower than what they keep give it back, as CUDA does when a thread has waited for the
/// device.
void memory_after_synchronizing();

enum class Where { pageable, pinned, device };

struct Span {
  Where where = Where::pageable;
  std::uintptr_t address = 0;  ///< of the allocation that it lies in; 0 for pageable memory
  std::size_t bytes = 0;
};

/// What kind of memory [pointer, pointer + bytes) is. False, with an error described, when it is in device or pinned
/// memory but not inside one allocation. `call` is who asks.
bool classify(const void* pointer, std::size_t bytes, const char* call, Span* span);

/// The pinned allocation that the address is in; bytes == 0 when it is in none.
Span pinned_at(std::uintptr_t address);

}  // namespace sidestep::emulation::detail
