#pragma once

/// Device arithmetic. What CUDA computes with less accuracy (__expf and its kin) is computed here as <cmath> does it,
/// so results differ in the last digits from a device's.

#include <bit>
#include <cmath>
#include <cstdint>

extern "C++" {

inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline double rsqrt(double x) { return 1.0 / std::sqrt(x); }

// glibc declares functions with these names, so here they are macros for ours.
namespace sidestep::emulation::detail {
inline float fast_exp(float x) { return std::exp(x); }
inline float fast_exp10(float x) { return std::pow(10.0f, x); }
inline float fast_log(float x) { return std::log(x); }
inline float fast_log2(float x) { return std::log2(x); }
inline float fast_log10(float x) { return std::log10(x); }
inline float fast_pow(float x, float y) { return std::pow(x, y); }
inline float fast_sin(float x) { return std::sin(x); }
inline float fast_cos(float x) { return std::cos(x); }
inline float fast_tan(float x) { return std::tan(x); }
}  // namespace sidestep::emulation::detail
#define __expf(x) (::sidestep::emulation::detail::fast_exp(x))
#define __exp10f(x) (::sidestep::emulation::detail::fast_exp10(x))
#define __logf(x) (::sidestep::emulation::detail::fast_log(x))
#define __log2f(x) (::sidestep::emulation::detail::fast_log2(x))
#define __log10f(x) (::sidestep::emulation::detail::fast_log10(x))
#define __powf(x, y) (::sidestep::emulation::detail::fast_pow(x, y))
#define __sinf(x) (::sidestep::emulation::detail::fast_sin(x))
#define __cosf(x) (::sidestep::emulation::detail::fast_cos(x))
#define __tanf(x) (::sidestep::emulation::detail::fast_tan(x))

inline float __fdividef(float x, float y) { return x / y; }
inline float __saturatef(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }

// Rounded to nearest, never contracted: the optimizer must not see through to a fused multiply-add.
namespace sidestep::emulation::detail {
template <class T>
inline T rounded(T value) {
  asm volatile("" : "+m"(value));
  return value;
}
}  // namespace sidestep::emulation::detail
inline float __fadd_rn(float x, float y) { return sidestep::emulation::detail::rounded(x + y); }
inline float __fsub_rn(float x, float y) { return sidestep::emulation::detail::rounded(x - y); }
inline float __fmul_rn(float x, float y) { return sidestep::emulation::detail::rounded(x * y); }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return std::sqrt(x); }
inline float __frsqrt_rn(float x) { return 1.0f / std::sqrt(x); }
inline float __fmaf_rn(float x, float y, float z) { return std::fma(x, y, z); }
inline double __dadd_rn(double x, double y) { return sidestep::emulation::detail::rounded(x + y); }
inline double __dmul_rn(double x, double y) { return sidestep::emulation::detail::rounded(x * y); }
inline double __fma_rn(double x, double y, double z) { return std::fma(x, y, z); }

inline unsigned int __umulhi(unsigned int x, unsigned int y) {
  return static_cast<unsigned int>((std::uint64_t{x} * y) >> 32);
}
inline int __mulhi(int x, int y) { return static_cast<int>((std::int64_t{x} * y) >> 32); }
inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<unsigned long long>((static_cast<Wide>(x) * y) >> 64);
}
inline int __popc(unsigned int x) { return std::popcount(x); }
inline int __popcll(unsigned long long x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned int>(x)); }
inline int __clzll(long long x) { return std::countl_zero(static_cast<unsigned long long>(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline unsigned int __brev(unsigned int x) {
  unsigned int reversed = 0;
  for (int bit = 0; bit < 32; ++bit) reversed |= ((x >> bit) & 1u) << (31 - bit);
  return reversed;
}

inline unsigned int __float_as_uint(float x) { return std::bit_cast<unsigned int>(x); }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline float __uint_as_float(unsigned int x) { return std::bit_cast<float>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline long long __double_as_longlong(double x) { return std::bit_cast<long long>(x); }
inline double __longlong_as_double(long long x) { return std::bit_cast<double>(x); }
inline int __float2int_rn(float x) { return static_cast<int>(std::nearbyint(x)); }
inline int __float2int_rz(float x) { return static_cast<int>(x); }
inline unsigned int __float2uint_rn(float x) { return static_cast<unsigned int>(std::nearbyint(x)); }
inline float __int2float_rn(int x) { return static_cast<float>(x); }
inline float __uint2float_rn(unsigned int x) { return static_cast<float>(x); }

#define SIDESTEP_MIN_MAX(T)                           \
  constexpr T min(T a, T b) { return b < a ? b : a; } \
  constexpr T max(T a, T b) { return a < b ? b : a; }
SIDESTEP_MIN_MAX(int)
SIDESTEP_MIN_MAX(unsigned int)
SIDESTEP_MIN_MAX(long)
SIDESTEP_MIN_MAX(unsigned long)
SIDESTEP_MIN_MAX(long long)
SIDESTEP_MIN_MAX(unsigned long long)
#undef SIDESTEP_MIN_MAX
inline float min(float a, float b) { return std::fmin(a, b); }
inline float max(float a, float b) { return std::fmax(a, b); }
inline double min(double a, double b) { return std::fmin(a, b); }
inline double max(double a, double b) { return std::fmax(a, b); }

namespace sidestep::emulation::detail {
std::uint64_t cycles();
}
inline long long clock64() { return static_cast<long long>(sidestep::emulation::detail::cycles()); }

}  // extern "C++"
