#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <sidestep/kernels/cuda/handle.hpp>
#include <sidestep/kernels/cuda/plan.hpp>

namespace sidestep::kernels::cuda {

/// A whole training step as one CUDA graph, captured once and replayed. Valid while the workbench is of the generation
/// that it was captured with.
class StepGraph {
 public:
  /// `enqueue` puts the step on the stream; it is called once, while the stream is captured.
  StepGraph(cudaStream_t stream, std::unique_ptr<Plan> plan, const std::function<void(Plan&)>& enqueue);

  /// One call of CUDA's, whatever the step holds.
  void launch(cudaStream_t stream) { SIDESTEP_CHECK(cudaGraphLaunch(exec_, stream)); }
  std::uint64_t generation() const { return plan_->generation(); }

 private:
  std::unique_ptr<Plan> plan_;  ///< its descriptors and algorithms are what the graph was made of
  GraphExec exec_;
};

}  // namespace sidestep::kernels::cuda
