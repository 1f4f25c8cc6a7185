#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include <string>

namespace sidestep::kernels::cuda {

/// "cudaGraphLaunch failed at session.cpp:120: ..."
std::string failed_call(const char* call, const char* file, int line, const std::string& said);
std::string said_by(cudaError_t error);

[[noreturn]] void throw_failed(cudaError_t error, const char* call, const char* file, int line);
[[noreturn]] void throw_failed(cudnnStatus_t status, const char* call, const char* file, int line);
[[noreturn]] void throw_failed(cublasStatus_t status, const char* call, const char* file, int line);

template <class Status>
inline void check_status(Status status, const char* call, const char* file, int line) {
  if (status != Status{}) [[unlikely]]  // 0 is success in all three libraries
    throw_failed(status, call, file, line);
}

}  // namespace sidestep::kernels::cuda

/// Throws CudaError if the call doesn't succeed. A macro, because the sentence names the call, its file and line.
#define SIDESTEP_CHECK(...) ::sidestep::kernels::cuda::check_status((__VA_ARGS__), #__VA_ARGS__, __FILE__, __LINE__)
