#pragma once

#include <immintrin.h>

#include <sidestep/kernels/cpu/hand/simd.hpp>
#include <sidestep/kernels/cpu/hand/table.hpp>

namespace {

/// Keeps the low byte of each number; they must be from 0 to 127.
[[gnu::always_inline]] inline void store_bytes(std::uint8_t* p, Int<8> x) {
  const __m256i all = reinterpret_cast<__m256i>(x);
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(words, words));
}
#ifdef __AVX512F__
[[gnu::always_inline]] inline void store_bytes(std::uint8_t* p, Int<16> x) {
  _mm512_mask_cvtepi32_storeu_epi8(p, 0xffff, reinterpret_cast<__m512i>(x));
}
#else
[[gnu::always_inline]] inline void store_bytes(std::uint8_t* p, Int<16> x) {
  for (int i = 0; i < 16; ++i) p[i] = static_cast<std::uint8_t>(x[i]);
}
#endif

/// ReLU and max-pool of one window's four values, each a vector of channels: writes the largest, or 0, and which it was
/// (the first of equals).
template <int W>
[[gnu::always_inline]] inline void pool(Vec<W> a, Vec<W> b, Vec<W> c, Vec<W> d, float* output, std::uint8_t* choice) {
  const Vec<W> top = b > a ? b : a, bottom = d > c ? d : c;
  const Int<W> top_at = (b > a) & 1, bottom_at = 2 | ((d > c) & 1);
  const Vec<W> zero{};
  const Vec<W> largest = bottom > top ? bottom : top;
  const Int<W> lower = bottom > top, open = largest > zero;
  const Int<W> at = (((lower & bottom_at) | (~lower & top_at)) & open) | (~open & sidestep::kernels::cpu::dead);
  store<W>(output, largest > zero ? largest : zero);
  store_bytes(choice, at);
}

}  // namespace
