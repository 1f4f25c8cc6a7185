#pragma once

#include <sidestep/kernels/emulation/cudnn_types.hpp>
#include <sidestep/kernels/emulation/onednn_convolution.hpp>

namespace sidestep::emulation::cudnn {

/// Output of a convolution: n, filters, height, width; zero or less where the kernel is larger than the padded input.
Sizes convolution_output(const cudnnConvolutionStruct& convolution, const Sizes& x, const Sizes& w);

/// x, w, y and the convolution as one problem, if they fit together and the emulation knows it.
cudnnStatus_t convolution_problem(const char* call, ConvolutionProblem::Kind kind, const cudnnTensorStruct* x,
                                  const cudnnFilterStruct* w, const cudnnConvolutionStruct* convolution,
                                  const cudnnTensorStruct* y, ConvolutionProblem& problem);

/// How the emulation speaks of one of cuDNN's algorithms.
struct Algorithm {
  int number;
  bool deterministic;
  float time;             ///< order of preference only: smaller is better
  std::size_t workspace;  ///< bytes
};

/// Those that the emulation has, for this problem, the preferred one first. The fastest backward ones aren't
/// deterministic, as on a device, so a caller who wants equal runs has to choose.
std::vector<Algorithm> algorithms(const ConvolutionProblem& problem);

}  // namespace sidestep::emulation::cudnn
