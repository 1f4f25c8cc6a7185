#include <sidestep/kernels/cuda/step_graph.hpp>

namespace sidestep::kernels::cuda {

StepGraph::StepGraph(cudaStream_t stream, std::unique_ptr<Plan> plan, const std::function<void(Plan&)>& enqueue)
    : plan_(std::move(plan)) {
  // Relaxed: libraries load their kernels on first use, and other threads bring snapshots to the host meanwhile.
  SIDESTEP_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
  cudaGraph_t captured{};
  try {
    enqueue(*plan_);
  } catch (...) {
    static_cast<void>(cudaStreamEndCapture(stream, &captured));
    const Graph broken(captured);
    static_cast<void>(cudaGetLastError());
    throw;
  }
  SIDESTEP_CHECK(cudaStreamEndCapture(stream, &captured));
  const Graph graph(captured);
  cudaGraphExec_t exec{};
  SIDESTEP_CHECK(cudaGraphInstantiate(&exec, graph, 0));
  exec_ = GraphExec(exec);
  SIDESTEP_CHECK(cudaGraphUpload(exec, stream));
}

}  // namespace sidestep::kernels::cuda
