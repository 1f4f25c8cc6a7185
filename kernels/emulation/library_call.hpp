#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "include/sidestep_emulation.h"

namespace sidestep::emulation {

/// Device memory that a library call reads or writes, with the argument's name for messages. oneDNN isn't compiled with
/// sanitizers, so this is how they learn of what it touches.
struct Region {
  enum class Kind { read, write, update };  ///< update: read and written

  const char* argument;
  const void* at;
  std::size_t bytes;
  Kind kind = Kind::read;
};

/// Puts `work` into the stream's queue (or into the graph that it is captured into) as one node named `call`, preceded
/// by the checks of `regions`. Everything that `work` needs it holds by value: the caller's descriptors may be gone by
/// then. A region that AddressSanitizer has marked as not to be touched ends the process, as a stray access of a kernel
/// would; the message names call and argument.
cudaError_t submit(cudaStream_t stream, const char* call, std::vector<Region> regions, std::function<void()> work);

}  // namespace sidestep::emulation
