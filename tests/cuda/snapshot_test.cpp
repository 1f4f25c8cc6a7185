#include <sidestep/kernels/cuda/snapshot.hpp>

#include <thread>

#include "session_support.hpp"

namespace sidestep::kernels::cuda::test {
namespace {

TEST(CudaSnapshot, MayEndOnAnotherThreadWhileTheTrainingStreamIsCaptured) {
  const auto home = std::make_shared<Home>(0);
  constexpr std::size_t count = 1000;
  DeviceBuffer<float> state(home->pool, count, home->stream);
  SIDESTEP_CHECK(cudaMemsetAsync(state.data(), 0, state.bytes(), home->stream));
  auto snapshot = std::make_unique<CudaSnapshot>(home, count, Contents::everything);
  snapshot->take(state.data());
  const std::size_t used = home->pool.used();
  SIDESTEP_CHECK(cudaMemsetAsync(state.data(), 0xFF, state.bytes(), home->stream));
  snapshot->put_back(state.data());

  SIDESTEP_CHECK(cudaStreamBeginCapture(home->stream, cudaStreamCaptureModeRelaxed));
  SIDESTEP_CHECK(cudaMemsetAsync(state.data(), 0xFF, state.bytes(), home->stream));
  std::thread([&] { snapshot.reset(); }).join();
  cudaGraph_t captured{};
  EXPECT_EQ(cudaStreamEndCapture(home->stream, &captured), cudaSuccess);
  const Graph graph(captured);
  std::size_t nodes = 0;
  SIDESTEP_CHECK(cudaGraphGetNodes(graph, nullptr, &nodes));
  EXPECT_EQ(nodes, 1u);

  // and what was put back came from a copy that wasn't gone yet
  std::vector<float> values(count);
  SIDESTEP_CHECK(cudaMemcpyAsync(values.data(), state.data(), state.bytes(), cudaMemcpyDeviceToHost, home->stream));
  SIDESTEP_CHECK(cudaStreamSynchronize(home->stream));
  EXPECT_EQ(values, std::vector<float>(count));
  SIDESTEP_CHECK(cudaStreamSynchronize(home->side));
  EXPECT_LT(home->pool.used(), used);
}

}  // namespace
}  // namespace sidestep::kernels::cuda::test
