#pragma once

namespace sidestep::kernels::cuda {

#ifdef SIDESTEP_PLANTED_FAULTS
/// A test binary's limit on the threads of a block. ThreadSanitizer remembers some 250 threads at a time, so it finds a
/// race between two streams only where blocks are small.
inline unsigned largest_block = 1024;
inline unsigned usual_block(unsigned threads) { return threads < largest_block ? threads : largest_block; }
#else
/// How many threads a block of a kernel has, unless the caller says otherwise.
constexpr unsigned usual_block(unsigned threads) { return threads; }
#endif

}  // namespace sidestep::kernels::cuda
