#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "emulation/device.hpp"

using namespace sidestep::test;
namespace emulation = sidestep::emulation;

namespace {

/// An executable graph.
class Exec {
 public:
  explicit Exec(cudaGraph_t graph) {
    EXPECT_EQ(cudaGraphInstantiate(&exec_, graph), cudaSuccess);
    EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  }
  ~Exec() { cudaGraphExecDestroy(exec_); }
  Exec(const Exec&) = delete;
  Exec& operator=(const Exec&) = delete;
  operator cudaGraphExec_t() const { return exec_; }

 private:
  cudaGraphExec_t exec_ = nullptr;
};

cudaGraph_t end_capture(cudaStream_t stream) {
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  return graph;
}

TEST(Graph, CapturesWithoutRunningAndReplaysInOrder) {
  const OnDevice<int> list(16, 0);
  const Stream stream;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed), cudaSuccess);
  cudaStreamCaptureStatus status{};
  EXPECT_EQ(cudaStreamIsCapturing(stream, &status), cudaSuccess);
  EXPECT_EQ(status, cudaStreamCaptureStatusActive);
  for (int i = 1; i < 4; ++i) launch(append, {.block = 1, .stream = stream}, list.data(), i);
  cudaMemsetAsync(list.data() + 15, 0xFF, 4, stream);
  int ran = 0;
  emulation::enqueue(stream, [&] { ++ran; });
  cudaGraph_t graph = end_capture(stream);
  std::size_t nodes = 0;
  EXPECT_EQ(cudaGraphGetNodes(graph, nullptr, &nodes), cudaSuccess);
  EXPECT_EQ(nodes, 5u);
  const Exec exec(graph);
  EXPECT_EQ(list.get()[0], 0) << "nothing has run yet";

  EXPECT_EQ(cudaGraphUpload(exec, stream), cudaSuccess);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(cudaGraphLaunch(exec, stream), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(ran, 3);
  EXPECT_EQ(list.get(), (std::vector<int>{9, 1, 2, 3, 1, 2, 3, 1, 2, 3, 0, 0, 0, 0, 0, -1}));
}

TEST(Graph, BranchesRunAtTheSameTimeAndJoin) {
  const OnDevice<int> list(4, 0);
  const Stream a, b;
  const Event fork, join;
  std::atomic<int> met{0};
  const auto meet = [&met] {  // returns only when the other branch runs, too
    met.fetch_add(1);
    while (met.load() % 2 != 0) std::this_thread::yield();
  };
  cudaStreamBeginCapture(a, cudaStreamCaptureModeRelaxed);
  launch(append, {.block = 1, .stream = a}, list.data(), 1);
  cudaEventRecord(fork, a);
  ASSERT_EQ(cudaStreamWaitEvent(b, fork), cudaSuccess);
  emulation::enqueue(a, meet);
  emulation::enqueue(b, meet);
  cudaEventRecord(join, b);
  ASSERT_EQ(cudaStreamWaitEvent(a, join), cudaSuccess);
  launch(append, {.block = 1, .stream = a}, list.data(), 2);
  const Exec exec(end_capture(a));
  ASSERT_EQ(cudaGraphLaunch(exec, a), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(a), cudaSuccess);
  EXPECT_EQ(met.load(), 2);
  EXPECT_EQ(list.get(), (std::vector<int>{2, 1, 2, 0}));
  EXPECT_EQ(cudaStreamSynchronize(b), cudaSuccess) << "b captures no more";
}

TEST(Graph, LaunchesOfOneGraphFollowEachOtherOnAllStreams) {
  const OnDevice<int> list(64, 0);
  const Stream a, b;
  cudaStreamBeginCapture(a, cudaStreamCaptureModeRelaxed);
  launch(append, {.block = 1, .stream = a}, list.data(), 1);
  launch(append, {.block = 1, .stream = a}, list.data(), 2);
  const Exec exec(end_capture(a));
  for (int i = 0; i < 10; ++i) {
    cudaGraphLaunch(exec, a);
    cudaGraphLaunch(exec, b);
  }
  cudaDeviceSynchronize();
  const auto got = list.get();
  EXPECT_EQ(got[0], 40);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(got[1 + i], i % 2 + 1);
}

TEST(Graph, ThatIsDestroyedWhileItRunsRunsToItsEnd) {
  const OnDevice<int> list(16, 0);
  const Stream a;
  {
    cudaStreamBeginCapture(a, cudaStreamCaptureModeRelaxed);
    for (int i = 1; i < 8; ++i) launch(append, {.block = 1, .stream = a}, list.data(), i);
    const Exec exec(end_capture(a));
    cudaGraphLaunch(exec, a);
  }
  cudaStreamSynchronize(a);
  EXPECT_EQ(list.get()[0], 7);
}

TEST(Capture, WhatCannotBeCapturedEndsIt) {
  const Stream a;
  cudaGraph_t graph = nullptr;
  cudaStreamBeginCapture(a, cudaStreamCaptureModeGlobal);
  EXPECT_EQ(cudaStreamSynchronize(a), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(cudaStreamEndCapture(a, &graph), cudaErrorStreamCaptureInvalidated);
  EXPECT_EQ(graph, nullptr);

  cudaStreamBeginCapture(a, cudaStreamCaptureModeGlobal);
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, 16), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(cudaStreamEndCapture(a, &graph), cudaErrorStreamCaptureInvalidated);

  cudaStreamBeginCapture(a, cudaStreamCaptureModeRelaxed);
  EXPECT_EQ(cudaMalloc(&memory, 16), cudaSuccess) << "in relaxed mode that is the caller's affair";
  EXPECT_EQ(cudaStreamEndCapture(a, &graph), cudaSuccess);
  cudaGraphDestroy(graph);
  cudaFree(memory);
  EXPECT_EQ(cudaStreamEndCapture(a, &graph), cudaErrorIllegalState);
  EXPECT_EQ(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeRelaxed), cudaErrorStreamCaptureUnsupported);
  cudaGetLastError();
}

TEST(Capture, ABranchThatDoesNotComeBackIsAnError) {
  const OnDevice<int> list(16, 0);
  const Stream a, b;
  const Event fork;
  cudaGraph_t graph = nullptr;
  cudaStreamBeginCapture(a, cudaStreamCaptureModeRelaxed);
  cudaEventRecord(fork, a);
  cudaStreamWaitEvent(b, fork);
  launch(append, {.block = 1, .stream = b}, list.data(), 1);
  EXPECT_EQ(cudaStreamEndCapture(b, &graph), cudaErrorStreamCaptureUnmatched);
  EXPECT_EQ(cudaStreamEndCapture(a, &graph), cudaErrorStreamCaptureInvalidated);

  cudaStreamBeginCapture(a, cudaStreamCaptureModeRelaxed);
  cudaEventRecord(fork, a);
  cudaStreamWaitEvent(b, fork);
  launch(append, {.block = 1, .stream = b}, list.data(), 1);
  EXPECT_EQ(cudaStreamEndCapture(a, &graph), cudaErrorStreamCaptureUnjoined);
  cudaStreamCaptureStatus status{};
  cudaStreamIsCapturing(b, &status);
  EXPECT_EQ(status, cudaStreamCaptureStatusNone);
  cudaGetLastError();
}

TEST(Capture, EventsOfACaptureAreNotForTheHost) {
  const Stream a, b;
  const Event inside, outside;
  cudaEventRecord(outside, b);
  cudaStreamBeginCapture(a, cudaStreamCaptureModeRelaxed);
  cudaEventRecord(inside, a);
  EXPECT_EQ(cudaEventQuery(inside), cudaErrorCapturedEvent);
  EXPECT_EQ(cudaEventSynchronize(inside), cudaErrorCapturedEvent);
  EXPECT_EQ(cudaStreamWaitEvent(a, outside), cudaErrorStreamCaptureIsolation);
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(a, &graph), cudaErrorStreamCaptureInvalidated);
  cudaGetLastError();
}

TEST(Graph, AFailingNodeIsTheStreamsError) {
  const OnDevice<int> list(16, 0);
  const Stream a;
  cudaStreamBeginCapture(a, cudaStreamCaptureModeRelaxed);
  launch(append, {.block = 1, .stream = a}, list.data(), 1);
  const Exec exec(end_capture(a));
  emulation::faults().failing_launches = {{"append", 2, cudaErrorIllegalAddress}};
  cudaGraphLaunch(exec, a);
  EXPECT_EQ(cudaStreamSynchronize(a), cudaSuccess);
  cudaGraphLaunch(exec, a);
  EXPECT_EQ(cudaStreamSynchronize(a), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaGraphLaunch(exec, a), cudaErrorIllegalAddress);
  EXPECT_NE(emulation::last_report().find("append(int*, int) was made to fail"), std::string::npos);
  emulation::faults().failing_launches.clear();
  emulation::forget_errors();
  EXPECT_EQ(list.get()[0], 1);
}

}  // namespace
