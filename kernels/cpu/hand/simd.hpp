#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

// Vectors of W floats by the compilers' vector extensions. Everything in this folder's templates has internal linkage:
// each translation unit that includes them is compiled for another instruction set, and the linker must never take one
// unit's copy of a function for another's. For the same reason nothing here calls an inline function of the library.
namespace {

template <int W>
struct Simd {
  typedef float Vec __attribute__((vector_size(W * sizeof(float)), may_alias));
  typedef float Loose __attribute__((vector_size(W * sizeof(float)), aligned(4), may_alias));
  typedef std::int32_t Int __attribute__((vector_size(W * sizeof(float)), may_alias));
};
template <int W>
using Vec = typename Simd<W>::Vec;
template <int W>
using Int = typename Simd<W>::Int;

template <int W>
[[gnu::always_inline]] inline Vec<W> load(const float* p) {
  return *reinterpret_cast<const typename Simd<W>::Loose*>(p);
}
template <int W>
[[gnu::always_inline]] inline void store(float* p, Vec<W> v) {
  *reinterpret_cast<typename Simd<W>::Loose*>(p) = v;
}
template <int W>
[[gnu::always_inline]] inline Vec<W> broadcast(float x) {
  return x - Vec<W>{};  // minus, not plus: x - 0 is x for every x, and compilers know it
}

/// A size that is known when this is compiled. Kernels take sizes as arguments of either kind, Size<16> or a number:
/// with the former, addresses are constants.
template <std::size_t N>
using Size = std::integral_constant<std::size_t, N>;

/// Calls f(integral_constant 0) ... f(integral_constant N-1): a loop that is unrolled whatever the optimizer thinks.
template <class F, std::size_t... I>
[[gnu::always_inline]] inline void each_of(F f, std::index_sequence<I...>) {
  (f(std::integral_constant<int, static_cast<int>(I)>{}), ...);
}
template <int N, class F>
[[gnu::always_inline]] inline void each(F f) {
  each_of(f, std::make_index_sequence<static_cast<std::size_t>(N)>{});
}

}  // namespace
