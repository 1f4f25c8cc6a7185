#pragma once

/// Stream-ordered pools: accounts of the device's memory.

#include <cstddef>
#include <cstdint>

#include "include/cuda_runtime_api.h"

/// `used` is what callers have, `reserved` what the pool took from the device for them: it grows by 2 MiB at a time and
/// shrinks when trimmed, or at a synchronisation, to the threshold. All under the accounts' mutex.
struct CUmemPoolHandle_st {
  std::uint64_t threshold = 0;
  std::uint64_t used = 0, used_high = 0;
  std::uint64_t reserved = 0, reserved_high = 0;
  bool destroyed = false;  // freed when the last allocation is
};

namespace sidestep::emulation::detail {

/// cudaErrorMemoryAllocation when the device hasn't got so much. pool null: cudaMalloc's.
cudaError_t take_memory(void** pointer, std::size_t bytes, cudaMemPool_t pool, bool* reused);
/// Gives it back to the accounts: at the call, while the memory itself is freed in stream order.
void account_for_free(std::size_t bytes, cudaMemPool_t pool);

cudaMemPool_t default_pool();
bool is_pool(cudaMemPool_t pool);
std::uint64_t device_memory_in_use();

}  // namespace sidestep::emulation::detail
