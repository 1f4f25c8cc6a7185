#pragma once

#include <memory>
#include <string>

#include <sidestep/kernels/cuda_backend.hpp>

namespace sidestep::kernels::cuda {

/// As make_cuda_session, within the backend. Throws DeviceError if no device serves.
std::unique_ptr<Session> make_session(const NetworkSpec& spec, const CudaOptions& options);

/// As cuda_algorithms, of a session that make_session made.
std::string algorithms(const Session& session);

}  // namespace sidestep::kernels::cuda
