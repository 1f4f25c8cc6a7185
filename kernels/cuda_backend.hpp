#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <sidestep/kernels/session.hpp>

namespace sidestep::kernels {

struct CudaOptions {
  std::string name = "cuda";  ///< or "cuda-emulated": the same sources on the CPU, see docs/gpu.md
  Optimizer optimizer = AdamW{};
  std::uint64_t seed = 1;
  std::size_t run_ahead = 2;  ///< steps that may be under way behind the one whose record was taken last
  double clip_norm = 0;       ///< gradients are scaled down to this global norm; 0: never
  bool tf32 = false;          ///< products may be rounded to TF32: faster, and other bits
  bool telemetry = true;      ///< false: a record says only which step ended; for measuring what the rest costs
  std::string algorithms{};   ///< of an earlier session's cuda_algorithms(): what its convolutions used
};

/// What of a backend is here, for `sidestep info`.
struct CudaStatus {
  enum class Kind { ready, not_built, library_missing, no_driver, driver_too_old, no_device, device_too_old, failed };

  Kind kind = Kind::failed;
  std::string sentence;  ///< "NVIDIA H100, compute capability 9.0, 79.6 GB", or what is missing and the mend
  std::string device{};
  int compute_major = 0, compute_minor = 0;
  std::size_t memory = 0;  ///< bytes
  int multiprocessors = 0;
  int clock_khz = 0, memory_clock_khz = 0;  ///< the highest; 0 where the driver doesn't say
  int memory_bus_bits = 0;

  bool ready() const { return kind == Kind::ready; }
};

/// Looks for the backend's library (beside the program, in ../lib, then where the system looks), opens it, and asks it.
CudaStatus cuda_status(const std::string& name = "cuda");

/// A session on a device. Throws UnsupportedError if there is none that serves (cuda_status's sentence), ShapeError for
/// a network that doesn't fit together, and the errors of kernels/cuda/error.hpp.
std::unique_ptr<Session> make_cuda_session(const NetworkSpec& spec, const CudaOptions& options = {});

/// Which algorithms a session's convolutions use, as text for a checkpoint; empty for a session of another backend.
std::string cuda_algorithms(const Session& session);

}  // namespace sidestep::kernels
