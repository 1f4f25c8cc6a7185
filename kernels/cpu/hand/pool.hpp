#pragma once

#include <sidestep/kernels/cpu/hand/simd.hpp>
#include <sidestep/kernels/cpu/hand/table.hpp>

namespace {

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
