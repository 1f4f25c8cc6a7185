#include <sidestep/kernels/emulation/graph.hpp>

#include <utility>

#include <sidestep/kernels/emulation/calls.hpp>
#include <sidestep/kernels/emulation/capture.hpp>

namespace sidestep::emulation::detail {

class GraphExec::Lane final : public Operation {
 public:
  Lane(GraphExec& exec, std::size_t lane) : exec_(exec), lane_(lane) {}
  cudaError_t run(Stream& on) override {
    exec_.run_lane(lane_, on);
    return cudaSuccess;
  }
  std::string name() const override { return "a graph's branch"; }
  bool always() const override { return true; }

 private:
  GraphExec& exec_;
  std::size_t lane_;
};

GraphExec::GraphExec(Ref<Graph> graph)
    : graph_(std::move(graph)), lanes_(graph_->lanes), done_(graph_->nodes.size()), awaited_(graph_->nodes.size()) {
  for (std::size_t node = 0; node < graph_->nodes.size(); ++node) {
    lanes_[graph_->nodes[node].lane].push_back(node);
    for (const std::size_t before : graph_->nodes[node].after) awaited_[before] = true;
  }
  for (std::size_t lane = 1; lane < lanes_.size(); ++lane) {
    threads_.push_back(Ref<Stream>(new Stream(cudaStreamNonBlocking)));
  }
}

cudaError_t GraphExec::run(Stream& on) {
  for (std::size_t node = 0; node < done_.size(); ++node) {
    if (awaited_[node]) done_[node] = Ref<Mark>(new Mark);
  }
  // relaxed: the pushes and marks below order it
  __atomic_store_n(&error_, cudaSuccess, __ATOMIC_RELAXED);
  std::vector<Ref<Mark>> ends;
  for (std::size_t lane = 1; lane < lanes_.size(); ++lane) {
    threads_[lane - 1]->push(Ref<Operation>(new Lane(*this, lane)));
    ends.push_back(threads_[lane - 1]->mark());
  }
  run_lane(0, on);
  for (const auto& end : ends) end->wait();
  return static_cast<cudaError_t>(__atomic_load_n(&error_, __ATOMIC_RELAXED));
}

void GraphExec::run_lane(std::size_t lane, Stream& on) {
  for (const std::size_t number : lanes_[lane]) {
    const GraphNode& node = graph_->nodes[number];
    for (const std::size_t before : node.after) done_[before]->wait();
    if (__atomic_load_n(&error_, __ATOMIC_RELAXED) == cudaSuccess && sticky_error() == cudaSuccess) {
      cudaError_t error = node.operation->check_pointers(" in node " + std::to_string(number) + " of a graph");
      if (error == cudaSuccess) error = node.operation->run(on);
      int none = cudaSuccess;
      if (error != cudaSuccess) {
        __atomic_compare_exchange_n(&error_, &none, static_cast<int>(error), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
      }
    }
    if (awaited_[number]) done_[number]->complete();
  }
}

Ref<Mark> GraphExec::exchange_last(Ref<Mark> mark) {
  const RawLock lock(mutex_);
  return std::exchange(last_, std::move(mark));
}

namespace {

/// A launch of a graph: as a node of another capture it is refused before it gets here.
class GraphLaunch final : public Operation {
 public:
  GraphLaunch(Ref<GraphExec> exec, Ref<Mark> before, Ref<Mark> done)
      : exec_(std::move(exec)), before_(std::move(before)), done_(std::move(done)) {}
  cudaError_t run(Stream& on) override {
    if (before_) before_->wait();
    const cudaError_t error = sticky_error() == cudaSuccess ? exec_->run(on) : cudaSuccess;
    done_->complete();
    return error;
  }
  std::string name() const override { return "a graph"; }
  bool always() const override { return true; }

 private:
  Ref<GraphExec> exec_;
  Ref<Mark> before_, done_;
};

}  // namespace
}  // namespace sidestep::emulation::detail

using namespace sidestep::emulation::detail;

extern "C" {

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long flags) {
  return api(Call::cudaGraphInstantiate, [&]() -> cudaError_t {
    constexpr unsigned long long known = cudaGraphInstantiateFlagAutoFreeOnLaunch | cudaGraphInstantiateFlagUpload;
    if (!exec || !graph || (flags & ~known)) return cudaErrorInvalidValue;
    *exec = new CUgraphExec_st{Ref<GraphExec>(new GraphExec(graph->graph))};
    return cudaSuccess;
  });
}

cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t stream) {
  return api(Call::cudaGraphUpload,
             [&] { return exec && stream_of(stream) ? cudaSuccess : cudaErrorInvalidResourceHandle; });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t handle) {
  return api(Call::cudaGraphLaunch, [&]() -> cudaError_t {
    Stream* stream = stream_of(handle);
    if (!exec || !stream) return cudaErrorInvalidResourceHandle;
    if (stream->capture) {
      stream->capture->invalidate();
      return cudaErrorStreamCaptureUnsupported;  // child graphs are not emulated
    }
    Ref<Mark> done(new Mark);
    const Ref<Mark> before = exec->exec->exchange_last(done);
    return submit(handle, Ref<Operation>(new GraphLaunch(exec->exec, before, done)));
  });
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count) {
  return api(Call::cudaGraphGetNodes, [&]() -> cudaError_t {
    if (!graph || !count) return cudaErrorInvalidValue;
    if (nodes) return cudaErrorNotSupported;  // only their number: there is nothing to do with a node here
    *count = graph->graph->nodes.size();
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  const Quiet quiet;
  count(Call::cudaGraphExecDestroy);
  if (!exec) return remember(cudaErrorInvalidValue);
  delete exec;  // a launch on its way keeps what it needs
  return sticky_error();
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  const Quiet quiet;
  count(Call::cudaGraphDestroy);
  if (!graph) return remember(cudaErrorInvalidValue);
  delete graph;
  return sticky_error();
}

}  // extern "C"
