#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <sidestep/kernels/error.hpp>

namespace sidestep::kernels::cuda {

/// A call of CUDA, cuDNN or cuBLASLt that failed: names the call, file and line, and what the library said.
class CudaError : public Error {
 public:
  using Error::Error;
};

/// There is no device that this build can use: no driver, one too old, no device, one of another architecture.
class DeviceError : public CudaError {
 public:
  using CudaError::CudaError;
};

/// The device's memory is full. `fitting_batch` is 0 where no batch is concerned.
class DeviceMemoryError : public CudaError {
 public:
  DeviceMemoryError(std::size_t asked, std::size_t used, std::size_t free, std::size_t batch = 0,
                    std::size_t fitting_batch = 0);

  std::size_t asked() const { return asked_; }
  std::size_t used() const { return used_; }
  std::size_t free() const { return free_; }
  std::size_t fitting_batch() const { return fitting_batch_; }

 private:
  std::size_t asked_, used_, free_, fitting_batch_;
};

/// A kernel of a training step failed on the device. Such faults are sticky: the session can do nothing more.
class KernelFault : public CudaError {
 public:
  KernelFault(const std::string& sentence, std::uint64_t step) : CudaError(sentence), step_(step) {}
  std::uint64_t step() const { return step_; }  ///< the oldest whose record hasn't come back; 0: none was under way

 private:
  std::uint64_t step_;
};

}  // namespace sidestep::kernels::cuda
