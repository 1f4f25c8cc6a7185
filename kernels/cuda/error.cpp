#include <sidestep/kernels/cuda/error.hpp>

#include <fmt/format.h>

#include <sidestep/kernels/cuda/check.hpp>

namespace sidestep::kernels::cuda {
namespace {

std::string megabytes(std::size_t bytes) { return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6); }

std::string out_of_memory(std::size_t asked, std::size_t used, std::size_t free, std::size_t batch,
                          std::size_t fitting) {
  auto sentence = fmt::format("the device's memory is full: {} asked for, {} used by this session, {} free.",
                              megabytes(asked), megabytes(used), megabytes(free));
  if (batch == 0) return sentence + " Use a smaller model, or free the device of other programs.";
  if (fitting == 0) return sentence + fmt::format(" Not even a batch of 1 would fit; {} was asked for.", batch);
  return sentence + fmt::format(" A batch of {} would fit, {} doesn't: use --batch-size {}.", fitting, batch, fitting);
}

}  // namespace

DeviceMemoryError::DeviceMemoryError(std::size_t asked, std::size_t used, std::size_t free, std::size_t batch,
                                     std::size_t fitting_batch)
    : CudaError(out_of_memory(asked, used, free, batch, fitting_batch)),
      asked_(asked),
      used_(used),
      free_(free),
      fitting_batch_(fitting_batch) {}

std::string failed_call(const char* call, const char* file, int line, const std::string& said) {
  std::string_view name(call);
  name = name.substr(0, name.find('('));
  std::string_view where(file);
  where = where.substr(where.rfind('/') + 1);
  return fmt::format("{} failed at {}:{}: {}", name, where, line, said);
}

std::string said_by(cudaError_t error) {
  return fmt::format("{} ({})", cudaGetErrorString(error), cudaGetErrorName(error));
}

void throw_failed(cudaError_t error, const char* call, const char* file, int line) {
  throw CudaError(failed_call(call, file, line, said_by(error)));
}

void throw_failed(cudnnStatus_t status, const char* call, const char* file, int line) {
  char why[512] = "";  // a sentence: which argument, and what was expected
  cudnnGetLastErrorString(why, sizeof why);
  throw CudaError(
      failed_call(call, file, line, fmt::format("{}{}{}", cudnnGetErrorString(status), *why ? ": " : "", why)));
}

void throw_failed(cublasStatus_t status, const char* call, const char* file, int line) {
  throw CudaError(failed_call(call, file, line, cublasLtGetStatusString(status)));
}

}  // namespace sidestep::kernels::cuda
