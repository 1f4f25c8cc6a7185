#pragma once

// Sums in a fixed order: the same bits whatever order threads and blocks run in. Every thread of the block takes part.
// A sum over many blocks is two kernels: each block leaves its sum at its own place, the second adds the places up.
// No atomics: what they add first depends on the schedule.

#include <sidestep/kernels/cuda/device.cuh>

namespace sidestep::kernels::cuda {

/// A butterfly over the warp; every lane gets the sum.
template <class T>
__device__ __forceinline__ T warp_sum(T value) {
  for (unsigned offset = warp / 2; offset > 0; offset /= 2)
    value += __shfl_xor_sync(whole_warp, value, static_cast<int>(offset));
  return value;
}

/// `of_warps` is shared memory for one value a warp. Every thread gets the sum. The block is whole warps, at most 32.
template <class T>
__device__ __forceinline__ T block_sum(T value, T* of_warps) {
  const unsigned lane = threadIdx.x % warp, mine = threadIdx.x / warp, warps = blockDim.x / warp;
  value = warp_sum(value);
  if (lane == 0) of_warps[mine] = value;
  __syncthreads();
  value = warp_sum(lane < warps ? of_warps[lane] : T{});
  __syncthreads();  // of_warps may be used again
  return value;
}

}  // namespace sidestep::kernels::cuda
