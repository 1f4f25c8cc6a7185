#include <sidestep/kernels/cuda/device.hpp>

#include <fmt/format.h>

#include <sidestep/kernels/cuda/check.hpp>
#include <sidestep/kernels/cuda/step_kernels.hpp>

namespace sidestep::kernels::cuda {
namespace {

constexpr int oldest_major = 8;  ///< sm_80 is the oldest that is compiled for

std::string version_text(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

CudaStatus without_device(cudaError_t error) {
  int driver = 0, runtime = 0;
  static_cast<void>(cudaDriverGetVersion(&driver));
  static_cast<void>(cudaRuntimeGetVersion(&runtime));
  static_cast<void>(cudaGetLastError());
  if (driver == 0)
    return {CudaStatus::Kind::no_driver,
            "there is no NVIDIA driver on this machine. Install one, or use --backend cpu."};
  if (error == cudaErrorNoDevice || error == cudaSuccess)
    return {CudaStatus::Kind::no_device, "there is no NVIDIA GPU that this process may use. Use --backend cpu."};
  // a driver for an older minor version serves too, until it is asked for what it hasn't got
  if (error == cudaErrorInsufficientDriver || error == cudaErrorUnsupportedPtxVersion || driver / 1000 < runtime / 1000)
    return {
        CudaStatus::Kind::driver_too_old,
        fmt::format("the NVIDIA driver is for CUDA {}, this build needs {}. Update the driver, or use --backend cpu.",
                    version_text(driver), version_text(runtime))};
  return {CudaStatus::Kind::failed,
          fmt::format("the NVIDIA driver doesn't answer: {}. Use --backend cpu.", said_by(error))};
}

/// 0 where the driver doesn't say.
int attribute(cudaDeviceAttr which) {
  int value = 0;
  if (cudaDeviceGetAttribute(&value, which, the_device) != cudaSuccess) {
    static_cast<void>(cudaGetLastError());
    return 0;
  }
  return value;
}

}  // namespace

CudaStatus inspect_device() {
  int count = 0;
  const cudaError_t counted = cudaGetDeviceCount(&count);
  if (counted != cudaSuccess || count == 0) return without_device(counted);
  cudaDeviceProp properties{};
  const cudaError_t asked = cudaGetDeviceProperties(&properties, the_device);
  if (asked != cudaSuccess) return without_device(asked);
  CudaStatus status{
      .kind = CudaStatus::Kind::ready,
      .sentence = fmt::format("{}, compute capability {}.{}, {:.1f} GB", properties.name, properties.major,
                              properties.minor, static_cast<double>(properties.totalGlobalMem) / 1e9),
      .device = properties.name,
      .compute_major = properties.major,
      .compute_minor = properties.minor,
      .memory = properties.totalGlobalMem,
      .multiprocessors = properties.multiProcessorCount,
      .clock_khz = attribute(cudaDevAttrClockRate),
      .memory_clock_khz = attribute(cudaDevAttrMemoryClockRate),
      .memory_bus_bits = attribute(cudaDevAttrGlobalMemoryBusWidth)};
  if (properties.major < oldest_major) {
    status.kind = CudaStatus::Kind::device_too_old;
    status.sentence = fmt::format("{} has compute capability {}.{}; {}.0 is the least. Use --backend cpu.",
                                  properties.name, properties.major, properties.minor, oldest_major);
    return status;
  }
  const cudaError_t loaded = load_kernel();
  if (loaded == cudaErrorNoKernelImageForDevice) {
    static_cast<void>(cudaGetLastError());
    status.kind = CudaStatus::Kind::device_too_old;
    status.sentence = fmt::format("this build has no kernels for {} with compute capability {}.{}. Use --backend cpu.",
                                  properties.name, properties.major, properties.minor);
  } else if (loaded != cudaSuccess) {
    return without_device(loaded);
  }
  return status;
}

}  // namespace sidestep::kernels::cuda
