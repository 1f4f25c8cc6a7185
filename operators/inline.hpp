#pragma once

/// How a chain becomes one loop. g++: `flatten` on the loop and `always_inline` nowhere, so that a user's plain
/// operator is inlined too; clang++: `always_inline` on every operator. Never both (measured: up to 1.7 times slower).
#ifdef __clang__
#define SIDESTEP_INLINE __attribute__((always_inline))
#define SIDESTEP_FLATTEN
#else
#define SIDESTEP_INLINE
#define SIDESTEP_FLATTEN __attribute__((flatten))
#endif
/// For what isn't part of the loop: settling an end, handing over, a sink too big to be inlined.
#define SIDESTEP_APART __attribute__((noinline))
