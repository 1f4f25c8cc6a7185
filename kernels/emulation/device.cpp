/// The one emulated device, versions, and the names of errors.

#include <algorithm>
#include <cstring>
#include <iterator>

#include <sidestep/kernels/emulation/calls.hpp>
#include <sidestep/kernels/emulation/faults.hpp>
#include <sidestep/kernels/emulation/shared_arrays.hpp>

#include "include/sidestep_emulation.h"

namespace sidestep::emulation::detail {
namespace {

struct Attribute {
  cudaDeviceAttr name;
  int value;
};

/// An H100's, where it says anything; the compute capability is the faults'.
constexpr Attribute attributes[] = {
    {cudaDevAttrMaxThreadsPerBlock, 1024},
    {cudaDevAttrMaxBlockDimX, 1024},
    {cudaDevAttrMaxBlockDimY, 1024},
    {cudaDevAttrMaxBlockDimZ, 64},
    {cudaDevAttrMaxGridDimX, 2147483647},
    {cudaDevAttrMaxGridDimY, 65535},
    {cudaDevAttrMaxGridDimZ, 65535},
    {cudaDevAttrMaxSharedMemoryPerBlock, static_cast<int>(SharedArrays::static_limit)},
    {cudaDevAttrTotalConstantMemory, 65536},
    {cudaDevAttrWarpSize, 32},
    {cudaDevAttrMaxRegistersPerBlock, 65536},
    {cudaDevAttrClockRate, 1980000},
    {cudaDevAttrMultiProcessorCount, 132},
    {cudaDevAttrIntegrated, 0},
    {cudaDevAttrCanMapHostMemory, 1},
    {cudaDevAttrConcurrentKernels, 1},
    {cudaDevAttrMemoryClockRate, 2619000},
    {cudaDevAttrGlobalMemoryBusWidth, 5120},
    {cudaDevAttrL2CacheSize, 52428800},
    {cudaDevAttrMaxThreadsPerMultiProcessor, 2048},
    {cudaDevAttrAsyncEngineCount, 3},
    {cudaDevAttrUnifiedAddressing, 1},
    {cudaDevAttrMaxSharedMemoryPerMultiprocessor, 233472},
    {cudaDevAttrMaxRegistersPerMultiprocessor, 65536},
    {cudaDevAttrCooperativeLaunch, 0},
    {cudaDevAttrMaxSharedMemoryPerBlockOptin, static_cast<int>(SharedArrays::optin_limit)},
    {cudaDevAttrMaxBlocksPerMultiprocessor, 32},
    {cudaDevAttrMemoryPoolsSupported, 1},
};

int device_attribute(cudaDeviceAttr name) {
  const auto* found =
      std::find_if(std::begin(attributes), std::end(attributes), [&](const Attribute& a) { return a.name == name; });
  return found == std::end(attributes) ? -1 : found->value;
}

struct ErrorText {
  cudaError_t error;
  const char* name;
  const char* sentence;
};

#define SIDESTEP_ERROR(name, sentence) \
  { name, #name, sentence }
constexpr ErrorText errors[] = {
    SIDESTEP_ERROR(cudaSuccess, "no error"),
    SIDESTEP_ERROR(cudaErrorInvalidValue, "invalid argument"),
    SIDESTEP_ERROR(cudaErrorMemoryAllocation, "out of memory"),
    SIDESTEP_ERROR(cudaErrorInitializationError, "initialization error"),
    SIDESTEP_ERROR(cudaErrorInvalidConfiguration, "invalid configuration argument"),
    SIDESTEP_ERROR(cudaErrorInvalidDevicePointer, "invalid device pointer"),
    SIDESTEP_ERROR(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy"),
    SIDESTEP_ERROR(cudaErrorInsufficientDriver, "CUDA driver version is insufficient for CUDA runtime version"),
    SIDESTEP_ERROR(cudaErrorInvalidDeviceFunction, "invalid device function"),
    SIDESTEP_ERROR(cudaErrorNoDevice, "no CUDA-capable device is detected"),
    SIDESTEP_ERROR(cudaErrorInvalidDevice, "invalid device ordinal"),
    SIDESTEP_ERROR(cudaErrorNoKernelImageForDevice, "no kernel image is available for execution on the device"),
    SIDESTEP_ERROR(cudaErrorECCUncorrectable, "uncorrectable ECC error encountered"),
    SIDESTEP_ERROR(cudaErrorUnsupportedPtxVersion, "the provided PTX was compiled with an unsupported toolchain."),
    SIDESTEP_ERROR(cudaErrorInvalidResourceHandle, "invalid resource handle"),
    SIDESTEP_ERROR(cudaErrorIllegalState, "the operation cannot be performed in the present state"),
    SIDESTEP_ERROR(cudaErrorNotReady, "device not ready"),
    SIDESTEP_ERROR(cudaErrorIllegalAddress, "an illegal memory access was encountered"),
    SIDESTEP_ERROR(cudaErrorLaunchOutOfResources, "too many resources requested for launch"),
    SIDESTEP_ERROR(cudaErrorLaunchTimeout, "the launch timed out and was terminated"),
    SIDESTEP_ERROR(cudaErrorAssert, "device-side assert triggered"),
    SIDESTEP_ERROR(cudaErrorIllegalInstruction, "an illegal instruction was encountered"),
    SIDESTEP_ERROR(cudaErrorMisalignedAddress, "misaligned address"),
    SIDESTEP_ERROR(cudaErrorLaunchFailure, "unspecified launch failure"),
    SIDESTEP_ERROR(cudaErrorNotPermitted, "operation not permitted"),
    SIDESTEP_ERROR(cudaErrorNotSupported, "operation not supported"),
    SIDESTEP_ERROR(cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing"),
    SIDESTEP_ERROR(cudaErrorStreamCaptureInvalidated, "operation failed due to a previous error during capture"),
    SIDESTEP_ERROR(cudaErrorStreamCaptureMerge, "operation would result in a merge of separate capture sequences"),
    SIDESTEP_ERROR(cudaErrorStreamCaptureUnmatched, "capture was not ended in the same stream as it began"),
    SIDESTEP_ERROR(cudaErrorStreamCaptureUnjoined, "capturing stream has unjoined work"),
    SIDESTEP_ERROR(cudaErrorStreamCaptureIsolation, "dependency created on uncaptured work in another stream"),
    SIDESTEP_ERROR(cudaErrorStreamCaptureImplicit,
                   "operation would make the legacy stream depend on a capturing stream"),
    SIDESTEP_ERROR(cudaErrorCapturedEvent, "operation not permitted on an event last recorded in a capturing stream"),
    SIDESTEP_ERROR(cudaErrorStreamCaptureWrongThread,
                   "attempt to terminate a thread-local capture from another thread"),
    SIDESTEP_ERROR(cudaErrorUnknown, "unknown error"),
};
#undef SIDESTEP_ERROR

const ErrorText* find(cudaError_t error) {
  const auto* found =
      std::find_if(std::begin(errors), std::end(errors), [&](const ErrorText& e) { return e.error == error; });
  return found == std::end(errors) ? nullptr : found;
}

}  // namespace
}  // namespace sidestep::emulation::detail

using namespace sidestep::emulation;
using namespace sidestep::emulation::detail;

extern "C" {

const char* cudaGetErrorName(cudaError_t error) {
  const ErrorText* found = find(error);
  return found ? found->name : "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  const ErrorText* found = find(error);
  return found ? found->sentence : "unrecognized error code";
}

cudaError_t cudaGetDeviceCount(int* number) {
  if (number) *number = 0;
  return api(Call::cudaGetDeviceCount, [&]() -> cudaError_t {
    if (!number) return cudaErrorInvalidValue;
    *number = 1;
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int device) {
  return api(Call::cudaSetDevice, [&] { return device == 0 ? cudaSuccess : cudaErrorInvalidDevice; });
}

cudaError_t cudaGetDevice(int* device) {
  return api(Call::cudaGetDevice, [&]() -> cudaError_t {
    if (!device) return cudaErrorInvalidValue;
    *device = 0;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, enum cudaDeviceAttr name, int device) {
  return api(Call::cudaDeviceGetAttribute, [&]() -> cudaError_t {
    if (device != 0) return cudaErrorInvalidDevice;
    if (!value) return cudaErrorInvalidValue;
    *value = name == cudaDevAttrComputeCapabilityMajor   ? faults().compute_major
             : name == cudaDevAttrComputeCapabilityMinor ? faults().compute_minor
                                                         : device_attribute(name);
    return *value < 0 ? cudaErrorInvalidValue : cudaSuccess;
  });
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp* properties, int device) {
  return api(Call::cudaGetDeviceProperties, [&]() -> cudaError_t {
    if (device != 0) return cudaErrorInvalidDevice;
    if (!properties) return cudaErrorInvalidValue;
    cudaDeviceProp p{};
    std::strncpy(p.name, "emulated on the CPU", sizeof p.name - 1);
    p.totalGlobalMem = memory_limit();
    p.sharedMemPerBlock = SharedArrays::static_limit;
    p.regsPerBlock = device_attribute(cudaDevAttrMaxRegistersPerBlock);
    p.warpSize = 32;
    p.maxThreadsPerBlock = 1024;
    p.maxThreadsDim[0] = p.maxThreadsDim[1] = 1024;
    p.maxThreadsDim[2] = 64;
    p.maxGridSize[0] = 2147483647;
    p.maxGridSize[1] = p.maxGridSize[2] = 65535;
    p.totalConstMem = 65536;
    p.major = faults().compute_major;
    p.minor = faults().compute_minor;
    p.multiProcessorCount = device_attribute(cudaDevAttrMultiProcessorCount);
    p.canMapHostMemory = p.concurrentKernels = p.unifiedAddressing = p.memoryPoolsSupported = 1;
    p.asyncEngineCount = device_attribute(cudaDevAttrAsyncEngineCount);
    p.memoryBusWidth = device_attribute(cudaDevAttrGlobalMemoryBusWidth);
    p.l2CacheSize = device_attribute(cudaDevAttrL2CacheSize);
    p.maxThreadsPerMultiProcessor = device_attribute(cudaDevAttrMaxThreadsPerMultiProcessor);
    p.sharedMemPerMultiprocessor =
        static_cast<std::size_t>(device_attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor));
    p.regsPerMultiprocessor = device_attribute(cudaDevAttrMaxRegistersPerMultiprocessor);
    p.sharedMemPerBlockOptin = SharedArrays::optin_limit;
    p.maxBlocksPerMultiProcessor = device_attribute(cudaDevAttrMaxBlocksPerMultiprocessor);
    p.reservedSharedMemPerBlock = 1024;
    *properties = p;
    return cudaSuccess;
  });
}

cudaError_t cudaDriverGetVersion(int* version) {
  count(Call::cudaDriverGetVersion);
  if (!version) return remember(cudaErrorInvalidValue);
  *version = faults().no_driver ? 0 : faults().driver_version;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  count(Call::cudaRuntimeGetVersion);
  if (!version) return remember(cudaErrorInvalidValue);
  *version = CUDART_VERSION;
  return cudaSuccess;
}

}  // extern "C"
