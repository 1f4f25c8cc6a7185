#pragma once

/// The words of device code: thread and block indices, barriers, warp shuffles, atomics and arithmetic.
///
/// Barriers and shuffles know where they were called, for the emulation's messages.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "vector_types.h"

#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) alignas(n)
#define __grid_constant__
#define __constant__
/// Works for arrays of fixed size: one for each OS thread, which runs one block at a time. No red zones, not filled, no
/// `extern`: SHARED and DYNAMIC_SHARED (sidestep_emulation.h) have those.
#define __shared__ static thread_local

extern "C++" {

// initial-exec: a register and an offset to read them, in a shared library too.
#define SIDESTEP_EMULATED_INDEX extern thread_local __attribute__((tls_model("initial-exec")))
SIDESTEP_EMULATED_INDEX constinit uint3 threadIdx;
SIDESTEP_EMULATED_INDEX constinit uint3 blockIdx;
SIDESTEP_EMULATED_INDEX constinit dim3 blockDim;
SIDESTEP_EMULATED_INDEX constinit dim3 gridDim;
#undef SIDESTEP_EMULATED_INDEX
inline constexpr int warpSize = 32;

namespace sidestep::emulation::detail {

/// Where device code called: the emulation names it when threads wait for each other in vain.
struct Place {
  const char* file;
  int line;
};

enum class WarpCall : unsigned char { sync, shuffle, shuffle_up, shuffle_down, shuffle_xor, ballot };

void block_barrier(Place place);
/// How many of the block's threads came with a predicate that is true.
int block_barrier_count(bool predicate, Place place);
void warp_barrier(unsigned mask, Place place);
/// Waits for all threads of the mask; gives the 64-bit word of the thread in lane `source`. Out of the mask: all ones.
std::uint64_t warp_exchange(unsigned mask, std::uint64_t word, int source, WarpCall call, Place place);
unsigned warp_ballot(unsigned mask, bool predicate, Place place);
unsigned active_mask();
unsigned lane();
void fence();
void yield();
[[noreturn]] void trap(Place place);
std::uint64_t cycles();

template <class T>
std::uint64_t to_word(T value) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
  std::uint64_t word = 0;
  std::memcpy(&word, &value, sizeof value);
  return word;
}
template <class T>
T from_word(std::uint64_t word) {
  T value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

/// The lane that this thread reads from within its part of `width` lanes; its own where the part ends.
inline int shuffle_source(WarpCall call, int operand, int width) {
  const int self = static_cast<int>(lane());
  const int first = self & ~(width - 1);
  const int inside = self - first;
  switch (call) {
    case WarpCall::shuffle:
      return first + (operand & (width - 1));
    case WarpCall::shuffle_up:
      return inside - operand < 0 ? self : self - operand;
    case WarpCall::shuffle_down:
      return inside + operand >= width ? self : self + operand;
    default:
      return (self ^ operand) >= first + width ? self : self ^ operand;
  }
}

template <class T>
T shuffle(WarpCall call, unsigned mask, T value, int operand, int width, Place place) {
  return from_word<T>(warp_exchange(mask, to_word(value), shuffle_source(call, operand, width), call, place));
}

}  // namespace sidestep::emulation::detail

#define SIDESTEP_PLACE const char *file = __builtin_FILE(), int line = __builtin_LINE()

// ---- barriers and fences

inline void __syncthreads(SIDESTEP_PLACE) { sidestep::emulation::detail::block_barrier({file, line}); }
inline int __syncthreads_count(int predicate, SIDESTEP_PLACE) {
  return sidestep::emulation::detail::block_barrier_count(predicate != 0, {file, line});
}
inline int __syncthreads_or(int predicate, SIDESTEP_PLACE) {
  return sidestep::emulation::detail::block_barrier_count(predicate != 0, {file, line}) != 0;
}
inline int __syncthreads_and(int predicate, SIDESTEP_PLACE) {
  return sidestep::emulation::detail::block_barrier_count(predicate == 0, {file, line}) == 0;
}
inline void __syncwarp(unsigned mask = 0xffffffffu, SIDESTEP_PLACE) {
  sidestep::emulation::detail::warp_barrier(mask, {file, line});
}
inline void __threadfence_block() { sidestep::emulation::detail::fence(); }
inline void __threadfence() { sidestep::emulation::detail::fence(); }
inline void __threadfence_system() { sidestep::emulation::detail::fence(); }
/// Lets another thread of the block run: a block that waits for one of its own threads must call it.
inline void __nanosleep(unsigned) { sidestep::emulation::detail::yield(); }
[[noreturn]] inline void __trap(SIDESTEP_PLACE) { sidestep::emulation::detail::trap({file, line}); }

// ---- warps

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = warpSize, SIDESTEP_PLACE) {
  using namespace sidestep::emulation::detail;
  return shuffle(WarpCall::shuffle, mask, value, source, width, {file, line});
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize, SIDESTEP_PLACE) {
  using namespace sidestep::emulation::detail;
  return shuffle(WarpCall::shuffle_up, mask, value, static_cast<int>(delta), width, {file, line});
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize, SIDESTEP_PLACE) {
  using namespace sidestep::emulation::detail;
  return shuffle(WarpCall::shuffle_down, mask, value, static_cast<int>(delta), width, {file, line});
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = warpSize, SIDESTEP_PLACE) {
  using namespace sidestep::emulation::detail;
  return shuffle(WarpCall::shuffle_xor, mask, value, lanes, width, {file, line});
}
inline unsigned __ballot_sync(unsigned mask, int predicate, SIDESTEP_PLACE) {
  return sidestep::emulation::detail::warp_ballot(mask, predicate != 0, {file, line});
}
inline int __any_sync(unsigned mask, int predicate, SIDESTEP_PLACE) {
  return sidestep::emulation::detail::warp_ballot(mask, predicate != 0, {file, line}) != 0;
}
inline int __all_sync(unsigned mask, int predicate, SIDESTEP_PLACE) {
  return sidestep::emulation::detail::warp_ballot(mask, predicate == 0, {file, line}) == 0;
}
/// The lanes that have not ended. Which of them run together is the hardware's choice: here, as if all did.
inline unsigned __activemask() { return sidestep::emulation::detail::active_mask(); }

#undef SIDESTEP_PLACE

// ---- atomics: relaxed, as CUDA's are

#define SIDESTEP_ATOMIC(T)                                                                                   \
  inline T atomicAdd(T* address, T value) { return __atomic_fetch_add(address, value, __ATOMIC_RELAXED); }   \
  inline T atomicExch(T* address, T value) { return __atomic_exchange_n(address, value, __ATOMIC_RELAXED); } \
  inline T atomicAnd(T* address, T value) { return __atomic_fetch_and(address, value, __ATOMIC_RELAXED); }   \
  inline T atomicOr(T* address, T value) { return __atomic_fetch_or(address, value, __ATOMIC_RELAXED); }     \
  inline T atomicXor(T* address, T value) { return __atomic_fetch_xor(address, value, __ATOMIC_RELAXED); }   \
  inline T atomicCAS(T* address, T expected, T value) {                                                      \
    __atomic_compare_exchange_n(address, &expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);       \
    return expected;                                                                                         \
  }                                                                                                          \
  inline T atomicMax(T* address, T value) {                                                                  \
    T seen = __atomic_load_n(address, __ATOMIC_RELAXED);                                                     \
    while (seen < value &&                                                                                   \
           !__atomic_compare_exchange_n(address, &seen, value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {  \
    }                                                                                                        \
    return seen;                                                                                             \
  }                                                                                                          \
  inline T atomicMin(T* address, T value) {                                                                  \
    T seen = __atomic_load_n(address, __ATOMIC_RELAXED);                                                     \
    while (value < seen &&                                                                                   \
           !__atomic_compare_exchange_n(address, &seen, value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {  \
    }                                                                                                        \
    return seen;                                                                                             \
  }
SIDESTEP_ATOMIC(int)
SIDESTEP_ATOMIC(unsigned int)
SIDESTEP_ATOMIC(unsigned long long)
#undef SIDESTEP_ATOMIC
inline int atomicSub(int* address, int value) { return __atomic_fetch_sub(address, value, __ATOMIC_RELAXED); }
inline unsigned int atomicSub(unsigned int* address, unsigned int value) {
  return __atomic_fetch_sub(address, value, __ATOMIC_RELAXED);
}
inline unsigned int atomicInc(unsigned int* address, unsigned int limit) {
  unsigned int seen = __atomic_load_n(address, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(address, &seen, seen >= limit ? 0 : seen + 1, true, __ATOMIC_RELAXED,
                                      __ATOMIC_RELAXED)) {
  }
  return seen;
}

namespace sidestep::emulation::detail {
template <class Real, class Bits>
Real atomic_add_real(Real* address, Real value) {
  Bits* bits = reinterpret_cast<Bits*>(address);
  Bits seen = __atomic_load_n(bits, __ATOMIC_RELAXED);
  for (;;) {
    const Real old = from_word<Real>(seen);
    const Bits sum = static_cast<Bits>(to_word(old + value));
    if (__atomic_compare_exchange_n(bits, &seen, sum, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return old;
  }
}
}  // namespace sidestep::emulation::detail

inline float atomicAdd(float* address, float value) {
  return sidestep::emulation::detail::atomic_add_real<float, std::uint32_t>(address, value);
}
inline double atomicAdd(double* address, double value) {
  return sidestep::emulation::detail::atomic_add_real<double, std::uint64_t>(address, value);
}

// ---- loads with a hint: plain loads

template <class T>
T __ldg(const T* address) {
  return *address;
}
template <class T>
T __ldcs(const T* address) {
  return *address;
}
template <class T>
T __ldcg(const T* address) {
  return *address;
}
template <class T>
void __stcs(T* address, T value) {
  *address = value;
}
template <class T>
void __stcg(T* address, T value) {
  *address = value;
}

}  // extern "C++"

#include "device_math.h"
