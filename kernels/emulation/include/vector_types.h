#pragma once

/// Stand-in for <vector_types.h>: the vectors that device code loads and stores in one access, with CUDA's alignments
/// (a misaligned one is undefined behaviour, which g++'s UBSan names), dim3, and make_float4 and its kin.

#ifndef __cplusplus
#error "The emulation's headers are for C++."
#endif

extern "C++" {

// One declaration for each element type: CUDA's 2- and 4-vectors are aligned to their size, up to 16 bytes; 3-vectors
// aren't.
#define SIDESTEP_VECTORS(element, name, align2, align4)                                   \
  struct name##1 {                                                                        \
    element x;                                                                            \
  };                                                                                      \
  struct alignas(align2) name##2 {                                                        \
    element x, y;                                                                         \
  };                                                                                      \
  struct name##3 {                                                                        \
    element x, y, z;                                                                      \
  };                                                                                      \
  struct alignas(align4) name##4 {                                                        \
    element x, y, z, w;                                                                   \
  };                                                                                      \
  constexpr name##1 make_##name##1(element x) { return {x}; }                             \
  constexpr name##2 make_##name##2(element x, element y) { return {x, y}; }               \
  constexpr name##3 make_##name##3(element x, element y, element z) { return {x, y, z}; } \
  constexpr name##4 make_##name##4(element x, element y, element z, element w) { return {x, y, z, w}; }

SIDESTEP_VECTORS(signed char, char, 2, 4)
SIDESTEP_VECTORS(unsigned char, uchar, 2, 4)
SIDESTEP_VECTORS(short, short, 4, 8)
SIDESTEP_VECTORS(unsigned short, ushort, 4, 8)
SIDESTEP_VECTORS(int, int, 8, 16)
SIDESTEP_VECTORS(unsigned int, uint, 8, 16)
SIDESTEP_VECTORS(long, long, 16, 16)
SIDESTEP_VECTORS(unsigned long, ulong, 16, 16)
SIDESTEP_VECTORS(long long, longlong, 16, 16)
SIDESTEP_VECTORS(unsigned long long, ulonglong, 16, 16)
SIDESTEP_VECTORS(float, float, 8, 16)
SIDESTEP_VECTORS(double, double, 16, 16)
#undef SIDESTEP_VECTORS

struct dim3 {
  unsigned int x, y, z;
  constexpr dim3(unsigned int x_ = 1, unsigned int y_ = 1, unsigned int z_ = 1) : x(x_), y(y_), z(z_) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
  constexpr operator uint3() const { return {x, y, z}; }
};

}  // extern "C++"
