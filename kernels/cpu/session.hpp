#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <sidestep/kernels/session.hpp>

namespace sidestep::kernels {

/// Which code computes. `automatic` takes the best that the CPU has; the others are for tests and comparisons.
enum class CpuPath {
  automatic,
  portable,  ///< oneDNN for everything, on any x86-64
  avx2,      ///< by hand, AVX2 and FMA
  avx512     ///< by hand, AVX-512 F, DQ, BW, VL
};

struct CpuOptions {
  Optimizer optimizer = AdamW{};
  std::uint64_t seed = 1;
  int threads = 0;         ///< 0: as many as the CPU has. The results do not depend on it, to the last bit.
  std::size_t slice = 16;  ///< samples that one task takes through the network. The last bits depend on it.
  CpuPath path = CpuPath::automatic;
  /// False: convolutions are direct sums, whose rounding is that of other backends' direct sums; slower.
  bool winograd = true;
};

/// True if this CPU can run the path.
bool supported(CpuPath path);

/// What `automatic` stands for on this CPU; any other path as it is.
CpuPath resolve(CpuPath path);

/// "avx2" and so on; for `automatic` the name of what it stands for here.
const char* name(CpuPath path);

/// A session on the CPU. submit() computes; the record is there when it returns.
/// Throws ShapeError for a network that does not fit together, UnsupportedError for a path that the CPU lacks.
std::unique_ptr<Session> make_cpu_session(const NetworkSpec& spec, const CpuOptions& options = {});

}  // namespace sidestep::kernels
