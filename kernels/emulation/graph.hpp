#pragma once

/// A captured graph and its execution.

#include <cstddef>
#include <vector>

#include <sidestep/kernels/emulation/raw.hpp>
#include <sidestep/kernels/emulation/stream.hpp>

namespace sidestep::emulation::detail {

struct GraphNode {
  Ref<Operation> operation;
  std::size_t lane = 0;
  std::vector<std::size_t> after;  ///< nodes of other lanes that come first; they have smaller numbers
};

struct Graph : Counted {
  std::vector<GraphNode> nodes;
  std::size_t lanes = 0;
};

/// A graph that can be launched. Each lane runs on a thread of its own, so that what the capture left unordered stays
/// so. Launches of one executable graph follow each other, on whichever streams.
class GraphExec : public Counted {
 public:
  explicit GraphExec(Ref<Graph> graph);

  /// On a stream's thread: all nodes, once.
  cudaError_t run(Stream& on);
  /// The mark of the launch before, and the place for this one's.
  Ref<Mark> exchange_last(Ref<Mark> mark);

 private:
  class Lane;
  void run_lane(std::size_t lane, Stream& on);

  Ref<Graph> graph_;
  std::vector<std::vector<std::size_t>> lanes_;  // the nodes of each
  std::vector<Ref<Stream>> threads_;             // of all lanes but the first
  std::vector<Ref<Mark>> done_;                  // of each node that another lane waits for, in this launch
  std::vector<bool> awaited_;
  int error_ = cudaSuccess;  // atomic: the first node's that failed
  RawMutex mutex_;
  Ref<Mark> last_;
};

}  // namespace sidestep::emulation::detail

struct CUgraph_st {
  sidestep::emulation::detail::Ref<sidestep::emulation::detail::Graph> graph;
};
struct CUgraphExec_st {
  sidestep::emulation::detail::Ref<sidestep::emulation::detail::GraphExec> exec;
};
