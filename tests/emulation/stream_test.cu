#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "emulation/device.hpp"
#include "emulation/sanitizers.hpp"

using namespace sidestep::test;
namespace emulation = sidestep::emulation;

namespace {

/// A stream that stands still until it is let go: what comes behind it can't have run.
class Gate {
 public:
  explicit Gate(cudaStream_t stream) {
    emulation::enqueue(stream, [open = open_] {
      while (!open->load(std::memory_order_acquire)) std::this_thread::yield();  // pairs with open()
    });
  }
  ~Gate() { open(); }
  void open() { open_->store(true, std::memory_order_release); }

 private:
  std::shared_ptr<std::atomic<bool>> open_ = std::make_shared<std::atomic<bool>>(false);  // outlives the gate
};

TEST(Stream, RunsInOrderBehindTheCaller) {
  const OnDevice<int> list(8, 0);
  const Stream stream;
  Gate gate(stream);
  for (int i = 1; i < 5; ++i) ASSERT_EQ(launch(append, {.block = 1, .stream = stream}, list.data(), i), cudaSuccess);
  EXPECT_EQ(cudaStreamQuery(stream), cudaErrorNotReady);
  gate.open();
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(cudaStreamQuery(stream), cudaSuccess);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess) << "not ready is no error";
  EXPECT_EQ(list.get(), (std::vector<int>{4, 1, 2, 3, 4, 0, 0, 0}));
}

TEST(Stream, ArgumentsAreCopiedAtTheLaunch) {
  const OnDevice<int> list(4, 0);
  const Stream stream;
  int value = 7;
  Gate gate(stream);
  launch(append, {.block = 1, .stream = stream}, list.data(), value);
  value = 8;
  gate.open();
  EXPECT_EQ(list.get()[1], 7);
}

TEST(Stream, OthersDoNotWaitForIt) {
  const OnDevice<int> list(4, 0);
  const Stream slow, quick;
  Gate gate(slow);
  launch(append, {.block = 1, .stream = quick}, list.data(), 1);
  EXPECT_EQ(cudaStreamSynchronize(quick), cudaSuccess);
  EXPECT_EQ(cudaStreamQuery(slow), cudaErrorNotReady);
}

TEST(Stream, WaitsForAnEventOfAnother) {
  const OnDevice<int> list(4, 0);
  const Stream first, second;
  const Event event;
  Gate gate(first);
  launch(append, {.block = 1, .stream = first}, list.data(), 1);
  ASSERT_EQ(cudaEventRecord(event, first), cudaSuccess);
  ASSERT_EQ(cudaStreamWaitEvent(second, event), cudaSuccess);
  launch(append, {.block = 1, .stream = second}, list.data(), 2);
  EXPECT_EQ(cudaEventQuery(event), cudaErrorNotReady);
  EXPECT_EQ(cudaStreamQuery(second), cudaErrorNotReady);
  gate.open();
  EXPECT_EQ(cudaEventSynchronize(event), cudaSuccess);
  EXPECT_EQ(list.get(), (std::vector<int>{2, 1, 2, 0}));
}

TEST(Event, AWaitIsForTheRecordBeforeIt) {
  const Stream first, second;
  const Event event;
  EXPECT_EQ(cudaEventQuery(event), cudaSuccess) << "never recorded: done";
  cudaEventRecord(event, first);
  cudaStreamWaitEvent(second, event);
  Gate gate(first);
  cudaEventRecord(event, first);  // later than the wait: nobody waits for this one
  EXPECT_EQ(cudaStreamSynchronize(second), cudaSuccess);
  EXPECT_EQ(cudaEventQuery(event), cudaErrorNotReady);
}

TEST(Event, MeasuresTime) {
  const Stream stream;
  const Event start(cudaEventDefault), end(cudaEventDefault), untimed;
  cudaEventRecord(start, stream);
  emulation::enqueue(stream, [] {
    for (const auto until = emulation::clock() + 2'000'000; emulation::clock() < until;) {
    }
  });
  cudaEventRecord(end, stream);
  cudaEventRecord(untimed, stream);
  float milliseconds = 0;
  EXPECT_EQ(cudaEventSynchronize(end), cudaSuccess);
  ASSERT_EQ(cudaEventElapsedTime(&milliseconds, start, end), cudaSuccess);
  EXPECT_GE(milliseconds, 2.0f);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, untimed), cudaErrorInvalidResourceHandle);
  cudaGetLastError();
}

TEST(DefaultStream, WaitsForBlockingStreamsAndTheyForIt) {
  const OnDevice<int> list(8, 0);
  const Stream blocking(cudaStreamDefault);
  cudaDeviceSynchronize();
  Gate gate(blocking);
  launch(append, {.block = 1, .stream = blocking}, list.data(), 1);
  launch(append, {.block = 1}, list.data(), 2);
  launch(append, {.block = 1, .stream = blocking}, list.data(), 3);
  EXPECT_EQ(cudaStreamQuery(nullptr), cudaErrorNotReady);
  gate.open();
  EXPECT_EQ(list.get(), (std::vector<int>{3, 1, 2, 3, 0, 0, 0, 0}));
}

TEST(Copy, FromPageableMemoryTakesItAtTheCall) {
  const OnDevice<int> x(2, 0);
  const Stream stream;
  Gate gate(stream);
  {
    std::vector<int> values{3, 4};
    ASSERT_EQ(cudaMemcpyAsync(x.data(), values.data(), 8, cudaMemcpyHostToDevice, stream), cudaSuccess);
    values = {0, 0};
  }
  gate.open();
  EXPECT_EQ(x.get(), (std::vector<int>{3, 4}));
}

TEST(Copy, OfPinnedMemoryIsInStreamOrder) {
  const OnDevice<int> x(1, 5);
  const Stream stream;
  int* pinned = nullptr;
  ASSERT_EQ(cudaHostAlloc(&pinned, sizeof(int), cudaHostAllocDefault), cudaSuccess);
  *pinned = 1;
  {
    Gate gate(stream);
    ASSERT_EQ(cudaMemcpyAsync(x.data(), pinned, 4, cudaMemcpyHostToDevice, stream), cudaSuccess);
    *pinned = 2;
  }
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(x.get()[0], 2);
  cudaFreeHost(pinned);
}

TEST(Copy, RefusesAKindThatDoesNotFit) {
  const OnDevice<int> x(1, 5);
  int host = 0;
  EXPECT_EQ(cudaMemcpy(&host, x.data(), 4, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_NE(emulation::last_report().find("kind"), std::string::npos);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess) << "not sticky";
  EXPECT_EQ(cudaMemcpy(&host, x.data(), 4, cudaMemcpyDefault), cudaSuccess);
  EXPECT_EQ(host, 5);
}

TEST(HostTask, MayTouchDeviceMemoryInStreamOrder) {
  const OnDevice<int> x(1, 5);
  const Stream stream;
  int seen = 0;
  cudaMemsetAsync(x.data(), 0, 4, stream);
  emulation::enqueue(stream, [&, p = x.data()] { seen = ++*p; });
  cudaStreamSynchronize(stream);
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(x.get()[0], 1);
}

TEST(HostTask, ThatReadsPastAnAllocationFailsTheStream) {
  if (address_sanitizer) GTEST_SKIP() << "AddressSanitizer ends the program";
  const OnDevice<int> x(10, 5);
  emulation::enqueue(nullptr, [p = x.data()] { emulation::reads(p, 44); });
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
  EXPECT_NE(emulation::last_report().find("a read of 44 bytes"), std::string::npos) << emulation::last_report();
  emulation::forget_errors();
}

TEST(Stream, AHandleThatWasDestroyedIsAnError) {
  cudaStream_t stream = nullptr;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidResourceHandle);
}

TEST(Mapped, AKernelAndTheHostShareIt) {
  std::uint64_t* host = nullptr;
  std::uint64_t* device = nullptr;
  ASSERT_EQ(cudaHostAlloc(&host, 16, cudaHostAllocMapped), cudaSuccess);
  EXPECT_EQ(host[0], ~std::uint64_t{0}) << "not written yet";
  ASSERT_EQ(cudaHostGetDevicePointer(&device, host, 0), cudaSuccess);
  cudaPointerAttributes what{};
  ASSERT_EQ(cudaPointerGetAttributes(&what, host + 1), cudaSuccess);
  EXPECT_EQ(what.type, cudaMemoryTypeHost);
  emulation::enqueue(nullptr, [device] { __atomic_store_n(device, 9, __ATOMIC_RELEASE); });
  while (__atomic_load_n(host, __ATOMIC_ACQUIRE) != 9) std::this_thread::yield();
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(cudaFreeHost(host), cudaSuccess);
  EXPECT_EQ(cudaFreeHost(host), cudaErrorInvalidValue);
  cudaGetLastError();
}

}  // namespace
