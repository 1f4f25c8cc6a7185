#include <sidestep/kernels/cuda/snapshot.hpp>

#include <atomic>
#include <chrono>
#include <thread>

#include <sidestep/kernels/cuda/parameters.hpp>

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

#ifdef SIDESTEP_CUDA_EMULATION  // where a stream can be held up
/// Holds up whatever comes behind it on a stream.
class Held {
 public:
  explicit Held(cudaStream_t stream) {
    SIDESTEP_CHECK(emulation::enqueue(stream, [open = open_] {
      open->wait(false, std::memory_order_acquire);  // pairs with ~Held
    }));
  }
  ~Held() {
    open_->store(true, std::memory_order_release);  // pairs with the task's wait
    open_->notify_all();
  }

 private:
  std::shared_ptr<std::atomic<bool>> open_ = std::make_shared<std::atomic<bool>>(false);
};

/// Whether all that was enqueued on the stream ends while this one waits for it.
bool ends(cudaStream_t stream) {
  for (const auto begin = std::chrono::steady_clock::now();
       std::chrono::steady_clock::now() - begin < std::chrono::seconds(20);) {
    if (cudaStreamQuery(stream) == cudaSuccess) return true;
    std::this_thread::yield();
  }
  return false;
}

TEST(CudaSnapshot, NoStepWaitsForAnotherCheckpointsWayToTheHost) {
  const auto home = std::make_shared<Home>(0);
  Parameters parameters(small_lenet(), Optimizer{AdamW{}}, home);
  parameters.initialise(1);
  std::unique_ptr<Snapshot> first, second, third;
  {
    const Held held(home->side);
    first = parameters.snapshot(Contents::everything, nullptr);
    second = parameters.snapshot(Contents::everything, nullptr);  // while the first is on its way
    third = parameters.snapshot(Contents::weights, nullptr);
    EXPECT_TRUE(ends(home->stream));
  }
  std::vector<float> values(parameters.tensors()[0].size), expected(values.size());
  parameters.read(0, expected);
  for (const auto& each : {first.get(), second.get(), third.get()}) {
    parameters.read(*each, 0, values);
    EXPECT_EQ(values, expected);
  }
}

TEST(CudaSnapshot, WeightsThatAreKeptAtOneStepAndAgainAtTheNextHoldUpNeither) {
  const auto home = std::make_shared<Home>(0);
  Parameters parameters(small_lenet(), Optimizer{AdamW{}}, home);
  parameters.initialise(1);
  std::vector<float> values(parameters.tensors()[0].size), expected(values.size());
  std::unique_ptr<Snapshot> kept;
  {
    const Held held(home->side);
    for (float step = 1; step <= 3; ++step) {
      std::fill(expected.begin(), expected.end(), step);
      parameters.write(0, expected);
      kept = parameters.snapshot(Contents::weights, std::move(kept));
      ASSERT_TRUE(ends(home->stream)) << "step " << step;
    }
  }
  std::fill(values.begin(), values.end(), 0.0f);
  parameters.write(0, values);
  parameters.read(*kept, 0, values);
  EXPECT_EQ(values, expected);
}

TEST(CudaSnapshot, OneThatIsUsedAgainHoldsTheLaterWeightsThoughTheEarlierWereBeingRead) {
  const auto home = std::make_shared<Home>(0);
  Parameters parameters(small_lenet(), Optimizer{AdamW{}}, home);
  parameters.initialise(1);
  std::vector<float> values(parameters.tensors()[0].size);
  for (const Contents contents : {Contents::weights, Contents::everything}) {
    std::unique_ptr<Snapshot> snapshot;
    for (float step = 1; step <= 3; ++step) {
      const std::vector<float> expected(values.size(), step);
      parameters.write(0, expected);
      snapshot = parameters.snapshot(contents, std::move(snapshot));
      if (step == 2) continue;  // nobody reads that one
      std::thread([&] { parameters.read(*snapshot, 0, values); }).join();
      EXPECT_EQ(values, expected);
    }
  }
}
#endif

}  // namespace
}  // namespace sidestep::kernels::cuda::test
