#include <cstring>
#include <string>
#include <utility>

#include <sidestep/kernels/emulation/cudnn_types.hpp>

namespace sidestep::emulation::cudnn {
namespace {

thread_local std::string last_error;

}  // namespace

cudnnStatus_t refuse(cudnnStatus_t status, const char* call, const std::string& why) {
  last_error = std::string(call) + ": " + why;
  return status;
}

cudnnStatus_t submit(cudnnHandle_t handle, const char* call, std::vector<Region> regions, std::function<void()> work) {
  const cudaError_t error = emulation::submit(handle->stream, call, std::move(regions), std::move(work));
  if (error == cudaSuccess) return CUDNN_STATUS_SUCCESS;
  return refuse(CUDNN_STATUS_EXECUTION_FAILED, call, cudaGetErrorString(error));
}

}  // namespace sidestep::emulation::cudnn

using namespace sidestep::emulation;
using cudnn::refuse;

size_t cudnnGetVersion() { return CUDNN_VERSION; }

const char* cudnnGetErrorString(cudnnStatus_t status) {
#define SIDESTEP_NAME(name) \
  case name:                \
    return #name
  switch (status) {
    SIDESTEP_NAME(CUDNN_STATUS_SUCCESS);
    SIDESTEP_NAME(CUDNN_STATUS_NOT_INITIALIZED);
    SIDESTEP_NAME(CUDNN_STATUS_BAD_PARAM);
    SIDESTEP_NAME(CUDNN_STATUS_BAD_PARAM_NULL_POINTER);
    SIDESTEP_NAME(CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER);
    SIDESTEP_NAME(CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED);
    SIDESTEP_NAME(CUDNN_STATUS_BAD_PARAM_OUT_OF_BOUND);
    SIDESTEP_NAME(CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT);
    SIDESTEP_NAME(CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH);
    SIDESTEP_NAME(CUDNN_STATUS_NOT_SUPPORTED);
    SIDESTEP_NAME(CUDNN_STATUS_NOT_SUPPORTED_SHAPE);
    SIDESTEP_NAME(CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE);
    SIDESTEP_NAME(CUDNN_STATUS_NOT_SUPPORTED_LAYOUT);
    SIDESTEP_NAME(CUDNN_STATUS_INTERNAL_ERROR);
    SIDESTEP_NAME(CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED);
    SIDESTEP_NAME(CUDNN_STATUS_EXECUTION_FAILED);
  }
#undef SIDESTEP_NAME
  return "CUDNN_UNKNOWN_STATUS";
}

void cudnnGetLastErrorString(char* message, size_t max_size) {
  if (!message || !max_size) return;
  std::strncpy(message, cudnn::last_error.c_str(), max_size - 1);
  message[max_size - 1] = '\0';
  cudnn::last_error.clear();
}

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  if (!handle) return refuse(CUDNN_STATUS_BAD_PARAM, "cudnnCreate", "handle is null");
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0)
    return refuse(CUDNN_STATUS_NOT_INITIALIZED, "cudnnCreate", "there is no device");
  *handle = new cudnnContext;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  delete handle;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  if (!handle) return refuse(CUDNN_STATUS_BAD_PARAM, "cudnnSetStream", "handle is null");
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetStream(cudnnHandle_t handle, cudaStream_t* stream) {
  if (!handle || !stream) return refuse(CUDNN_STATUS_BAD_PARAM, "cudnnGetStream", "handle or stream is null");
  *stream = handle->stream;
  return CUDNN_STATUS_SUCCESS;
}
