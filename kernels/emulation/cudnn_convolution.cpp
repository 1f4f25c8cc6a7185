#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>

#include <sidestep/kernels/emulation/cudnn_convolution.hpp>

namespace sidestep::emulation::cudnn {
namespace {

/// What an algorithm that isn't deterministic may do between two runs: the last bit of some results, never the same
/// ones. So whoever chooses one by mistake finds out here, not on a device.
void disturb(float* values, std::size_t count) {
  static std::atomic<std::uint32_t> runs{std::random_device{}()};
  // relaxed: only another number is wanted each time
  std::minstd_rand random(runs.fetch_add(1, std::memory_order_relaxed) | 1u);
  for (std::size_t i = 0; i < count; ++i)
    if (random() & 64u) values[i] = std::nextafter(values[i], values[i] + 1.0f);
}

struct Argument {
  const char* name;
  const void* at;
};

cudnnTensorStruct as_tensor(const cudnnFilterStruct& w) { return {true, w.type, w.size, w.stride()}; }

/// Checks what is left to check, and puts the computation into the handle's stream.
cudnnStatus_t run(const char* call, cudnnHandle_t handle, const ConvolutionProblem& problem, int number,
                  const void* alpha, const void* beta, void* workspace, std::size_t workspace_bytes, Argument first,
                  const cudnnTensorStruct& first_layout, Argument second, const cudnnTensorStruct& second_layout,
                  Argument out, const cudnnTensorStruct& out_layout) {
  if (const auto status = check_call(call, handle, {alpha, beta, first.at, second.at, out.at}, {})) return status;
  for (const auto& argument : {first, second, out})
    if (reinterpret_cast<std::uintptr_t>(argument.at) % alignof(float))
      return refuse(CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER, call,
                    std::string("argument '") + argument.name + "' doesn't point to floats");
  const Algorithm* chosen = nullptr;
  const auto there = algorithms(problem);
  for (const auto& a : there)
    if (a.number == number) chosen = &a;
  if (!chosen)
    return refuse(CUDNN_STATUS_NOT_SUPPORTED, call, "the emulation doesn't have this algorithm for this problem");
  if (chosen->workspace && (!workspace || workspace_bytes < chosen->workspace))
    return refuse(CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT, call,
                  "the workspace has " + std::to_string(workspace ? workspace_bytes : 0) + " bytes and needs " +
                      std::to_string(chosen->workspace));
  const Blend blend = blend_of(alpha, beta);
  std::vector<Region> regions;
  add_regions(regions, first.name, first.at, first_layout, Region::Kind::read);
  add_regions(regions, second.name, second.at, second_layout, Region::Kind::read);
  add_regions(regions, out.name, out.at, out_layout, output_kind(blend));
  if (chosen->workspace) regions.push_back({"workspace", workspace, chosen->workspace, Region::Kind::write});

  auto work = [=, a = *chosen, span = out_layout.span()] {
    // Nobody may count on what is in a workspace afterwards, nor on its having been left alone.
    if (a.workspace) std::memset(workspace, 0xFF, a.workspace);
    auto* result = static_cast<float*>(const_cast<void*>(out.at));
    convolve(problem, static_cast<const float*>(first.at), static_cast<const float*>(second.at), result, blend);
    if (!a.deterministic && span == out_layout.elements()) disturb(result, span);
  };
  return submit(handle, call, std::move(regions), std::move(work));
}

}  // namespace
}  // namespace sidestep::emulation::cudnn

using namespace sidestep::emulation::cudnn;
using Kind = ConvolutionProblem::Kind;

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void* alpha,
                                      const cudnnTensorDescriptor_t x_descriptor, const void* x,
                                      const cudnnFilterDescriptor_t w_descriptor, const void* w,
                                      const cudnnConvolutionDescriptor_t convolution,
                                      cudnnConvolutionFwdAlgo_t algorithm, void* workspace, size_t workspace_bytes,
                                      const void* beta, const cudnnTensorDescriptor_t y_descriptor, void* y) {
  ConvolutionProblem problem;
  if (const auto status =
          convolution_problem(__func__, Kind::forward, x_descriptor, w_descriptor, convolution, y_descriptor, problem))
    return status;
  return run(__func__, handle, problem, algorithm, alpha, beta, workspace, workspace_bytes, {"x", x}, *x_descriptor,
             {"w", w}, as_tensor(*w_descriptor), {"y", y}, *y_descriptor);
}

cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void* alpha,
                                           const cudnnFilterDescriptor_t w_descriptor, const void* w,
                                           const cudnnTensorDescriptor_t dy_descriptor, const void* dy,
                                           const cudnnConvolutionDescriptor_t convolution,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void* workspace,
                                           size_t workspace_bytes, const void* beta,
                                           const cudnnTensorDescriptor_t dx_descriptor, void* dx) {
  ConvolutionProblem problem;
  if (const auto status =
          convolution_problem(__func__, Kind::data, dx_descriptor, w_descriptor, convolution, dy_descriptor, problem))
    return status;
  return run(__func__, handle, problem, algorithm, alpha, beta, workspace, workspace_bytes, {"dy", dy}, *dy_descriptor,
             {"w", w}, as_tensor(*w_descriptor), {"dx", dx}, *dx_descriptor);
}

cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void* alpha,
                                             const cudnnTensorDescriptor_t x_descriptor, const void* x,
                                             const cudnnTensorDescriptor_t dy_descriptor, const void* dy,
                                             const cudnnConvolutionDescriptor_t convolution,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm, void* workspace,
                                             size_t workspace_bytes, const void* beta,
                                             const cudnnFilterDescriptor_t dw_descriptor, void* dw) {
  ConvolutionProblem problem;
  if (const auto status =
          convolution_problem(__func__, Kind::filter, x_descriptor, dw_descriptor, convolution, dy_descriptor, problem))
    return status;
  return run(__func__, handle, problem, algorithm, alpha, beta, workspace, workspace_bytes, {"x", x}, *x_descriptor,
             {"dy", dy}, *dy_descriptor, {"dw", dw}, as_tensor(*dw_descriptor));
}
