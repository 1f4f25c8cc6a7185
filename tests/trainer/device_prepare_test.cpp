// What a session of a device takes before its first step.
#include <sidestep/kernels/cuda/error.hpp>

#include <cuda/session_support.hpp>

namespace sidestep::kernels::cuda::test {
namespace {

TEST(DevicePrepare, ThenAStepAnEvaluationAndASnapshotTakeNothingMore) {
  const auto spec = small_lenet();
  const Images images(spec, 200, 2);
  const auto session = make(spec);
  const DataId data = session->attach(images.view);
  session->prepare(data, 100);
#ifdef SIDESTEP_CUDA_EMULATION  // which counts calls
  emulation::reset_calls();
#endif
  step(*session, data, range(0, 100), 1, 1e-3);
  EXPECT_EQ(session->evaluate(data, 0, 100).samples, 100u);
#ifdef SIDESTEP_CUDA_EMULATION
  auto calls = emulation::calls();
  EXPECT_EQ(calls["cudaGraphLaunch"], 1u);
  for (const char* name : {"cudaMalloc", "cudaMallocAsync", "cudaMallocFromPoolAsync", "cudaHostAlloc",
                           "cudaGraphInstantiate", "cudaStreamBeginCapture"})
    EXPECT_EQ(calls[name], 0u) << name;
#endif
}

#ifdef SIDESTEP_CUDA_EMULATION
TEST(DevicePrepare, AShorterLastBatchAndEachDataSetsLastChunkAreReadyToo) {
  const auto spec = small_lenet();
  const Images images(spec, 250, 2);
  const auto session = make(spec);
  const DataId data = session->attach(images.view);
  emulation::reset_calls();
  session->prepare(data, 100);
  EXPECT_EQ(emulation::calls()["cudaGraphInstantiate"], 1u);
  session->prepare(data, 50);
  EXPECT_LE(emulation::calls()["cudaGraphInstantiate"], 3u);  // two, and one more if its buffers had to move
  emulation::reset_calls();
  step(*session, data, range(0, 100), 1, 1e-3);
  step(*session, data, range(200, 50), 2, 1e-3);
  EXPECT_EQ(session->evaluate(data, 0, 250).samples, 250u);
  for (const char* name : {"cudaMallocFromPoolAsync", "cudaHostAlloc", "cudaGraphInstantiate"})
    EXPECT_EQ(emulation::calls()[name], 0u) << name;
}
#endif

TEST(DevicePrepare, AnEvaluationHasTheSameBitsBeforeTheFirstStepAndBehindIt) {
  const auto spec = small_lenet();
  const Images images(spec, 400, 2);
  const auto first = make(spec), later = make(spec);
  const DataId data = first->attach(images.view), same = later->attach(images.view);
  for (auto* session : {first.get(), later.get()}) session->prepare(data, 150);
  const auto weights = later->snapshot(Contents::everything);
  step(*later, same, range(0, 150), 1, 1e-2);
  step(*later, same, range(150, 20), 2, 1e-2);
  later->restore(*weights);
  const Evaluation found = first->evaluate(data, 7, 390), expected = later->evaluate(same, 7, 390);
  EXPECT_EQ(found.loss, expected.loss);
  EXPECT_EQ(found.correct, expected.correct);
  EXPECT_EQ(algorithms(*first).find("@64"), std::string::npos) << algorithms(*first);
}

#ifdef SIDESTEP_CUDA_EMULATION  // whose memory can be made small
TEST(DevicePrepare, ABatchThatIsSaidToFitLeavesRoomForCheckpoints) {
  const NetworkSpec spec{{1, 12, 8}, {Convolution{16}, Dense{600}, Dense{5, false}}};  // a checkpoint is 3 MB
  const Images images(spec, 4000, 2);
  const FaultsGuard guard;
  emulation::faults().memory_limit = std::size_t{24} << 20;
  const auto session = make(spec);
  const DataId data = session->attach(images.view);
  std::size_t fitting = 0;
  try {
    session->prepare(data, 4000);
    ADD_FAILURE() << "it fits";
  } catch (const DeviceMemoryError& full) {
    fitting = full.fitting_batch();
  }
  ASSERT_GT(fitting, 100u);
  session->prepare(data, fitting);
  step(*session, data, range(0, static_cast<std::uint32_t>(fitting)), 1, 1e-3);
  const auto one = session->snapshot(Contents::everything), other = session->snapshot(Contents::everything);
  EXPECT_EQ(session->evaluate(data, 0, 4000).samples, 4000u);
}
#endif

}  // namespace
}  // namespace sidestep::kernels::cuda::test
