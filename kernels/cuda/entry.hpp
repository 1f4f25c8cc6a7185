#pragma once

#include <string>

#include <sidestep/kernels/cuda_backend.hpp>

namespace sidestep::kernels::cuda {

/// What a backend's library offers to the program that opens it. Both are built from one tree, by one compiler.
struct Entry {
  int version;
  CudaStatus (*status)();
  Session* (*make)(const NetworkSpec& spec, const CudaOptions& options);  ///< the caller's to delete
  std::string (*algorithms)(const Session& session);
};

inline constexpr int entry_version = 2;
inline constexpr const char* entry_name = "sidestep_cuda_backend_v1";

}  // namespace sidestep::kernels::cuda

extern "C" const sidestep::kernels::cuda::Entry* sidestep_cuda_backend_v1();
