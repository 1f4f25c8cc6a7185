/// A program with one fault, chosen by its first argument, or without it: `planted shared_overrun on`. faults_test runs
/// it.
///
/// Each is a mistake that people make in CUDA. The program prints what CUDA's calls answered in the end; whatever else
/// is said comes from the sanitizer that it was built with, or from the emulation.

#include <cuda/atomic>

#include <cstdint>
#include <cstring>
#include <map>
#include <string>

#include "emulation/device.hpp"

using namespace sidestep::test;

namespace {

bool on = false;

// ---- kernels; `wrong` plants the fault

__global__ void reverse(float* x, bool wrong) {
  SHARED(float, tile, 64);
  const unsigned i = threadIdx.x;
  tile[i] = x[blockIdx.x * 64 + i];
  if (!wrong) __syncthreads();
  x[blockIdx.x * 64 + i] = tile[63 - i];
}

__global__ void shared_index(float* x, int past) {
  SHARED(float, tile, 64);
  tile[threadIdx.x] = 1.0f;
  if (threadIdx.x == 0 && past > 0) tile[63 + past] = 2.0f;
  __syncthreads();
  x[threadIdx.x] = tile[threadIdx.x];
}

__global__ void dynamic_index(float* x, int past) {
  DYNAMIC_SHARED(float, tile);
  tile[threadIdx.x] = 1.0f;
  if (threadIdx.x == 0 && past > 0) tile[63 + past] = 2.0f;
  __syncthreads();
  x[threadIdx.x] = tile[threadIdx.x];
}

__global__ void add_one(float* x, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) x[i] += 1.0f;
}

__global__ void sum_of_blocks(unsigned* x, bool wrong) {
  if (wrong) {
    *x += 1;
  } else {
    atomicAdd(x, 1u);
  }
}

__global__ void copy4(const float* from, float* to, int offset) {
  const auto* vectors = reinterpret_cast<const float4*>(from + offset);
  reinterpret_cast<float4*>(to)[threadIdx.x] = vectors[threadIdx.x];
}

__global__ void barrier_in_branch(float* x, bool wrong) {
  if (wrong && threadIdx.x < 32) {
    __syncthreads();
    x[threadIdx.x] += 1.0f;
  } else {
    __syncthreads();
  }
}

__global__ void early_return(float* x, int n) {
  if (static_cast<int>(threadIdx.x) >= n) return;
  __syncthreads();
  x[blockIdx.x * blockDim.x + threadIdx.x] += 1.0f;
}

__global__ void warp_sum(float* x, int lanes) {
  if (static_cast<int>(threadIdx.x) >= lanes) return;
  float value = x[threadIdx.x];
  for (int delta = 16; delta > 0; delta /= 2) value += __shfl_xor_sync(0xffffffffu, value, delta);
  x[threadIdx.x] = value;
}

__global__ void no_pointer(float* x) { x[threadIdx.x] = 1.0f; }

__global__ void endless(float* x, int depth) {
  volatile float frame[256];
  for (float& value : const_cast<float(&)[256]>(frame)) value = static_cast<float>(depth);
  if (depth > 0) endless(x, depth - 1);
  x[threadIdx.x] += frame[threadIdx.x % 256];
}

__global__ void publish(std::uint64_t* record, std::uint64_t* sequence, bool wrong) {
  *record = 42;
  const cuda::atomic_ref<std::uint64_t, cuda::thread_scope_system> number(*sequence);
  number.store(1, wrong ? cuda::memory_order_relaxed : cuda::memory_order_release);
}

struct Table {
  float* pointers[4] = {};
};
__global__ void add_one_to_all(Table table) {
  for (float* x : table.pointers) {
    if (x) x[threadIdx.x] += 1.0f;
  }
}

// ---- the faults

void missing_barrier() {
  const OnDevice<float> x(64 * 8, 1.0f);
  launch(reverse, {.grid = 8, .block = 64}, x.data(), on);
  cudaDeviceSynchronize();
}

void shared_overrun() {
  const OnDevice<float> x(64, 1.0f);
  launch(shared_index, {.block = 64}, x.data(), on ? 1 : 0);
  cudaDeviceSynchronize();
}

void dynamic_shared_overrun() {
  const OnDevice<float> x(64, 1.0f);
  launch(dynamic_index, {.block = 64, .shared = 64 * sizeof(float)}, x.data(), on ? 1 : 0);
  cudaDeviceSynchronize();
}

void device_overrun() {
  const OnDevice<float> x(1000, 1.0f);
  launch(add_one, {.grid = 8, .block = 128}, x.data(), on ? 1001 : 1000);
  cudaDeviceSynchronize();
}

void block_race() {
  const OnDevice<unsigned> x(1, 0u);
  launch(sum_of_blocks, {.grid = 64, .block = 1}, x.data(), on);
  cudaDeviceSynchronize();
}

void missing_wait() {
  const OnDevice<float> x(96 * 4, 1.0f);
  const Stream a, b;
  const Event done;
  launch(add_one, {.grid = 4, .block = 96, .stream = a}, x.data(), 96 * 4);
  cudaEventRecord(done, a);
  if (!on) cudaStreamWaitEvent(b, done);
  launch(add_one, {.grid = 4, .block = 96, .stream = b}, x.data(), 96 * 4);
  cudaDeviceSynchronize();
}

void copy_races_kernel() {
  const OnDevice<float> x(96 * 4, 1.0f);
  const Stream a, b;
  float* host = nullptr;
  cudaHostAlloc(&host, 96 * 4 * sizeof(float), cudaHostAllocDefault);
  launch(add_one, {.grid = 4, .block = 96, .stream = a}, x.data(), 96 * 4);
  cudaMemcpyAsync(host, x.data(), 96 * 4 * sizeof(float), cudaMemcpyDeviceToHost, on ? b : a);
  cudaDeviceSynchronize();
  cudaFreeHost(host);
}

void unread_copy() {  // the host reads what a copy still brings
  const OnDevice<float> x(16, 1.0f);
  const Stream a;
  float* host = nullptr;
  cudaHostAlloc(&host, 16 * sizeof(float), cudaHostAllocDefault);
  cudaMemcpyAsync(host, x.data(), 16 * sizeof(float), cudaMemcpyDeviceToHost, a);
  if (!on) cudaStreamSynchronize(a);
  const volatile float seen = host[3];
  static_cast<void>(seen);
  cudaDeviceSynchronize();
  cudaFreeHost(host);
}

void graph_of_branches(bool joined_late) {
  const OnDevice<float> x(64, 1.0f), y(64, 1.0f);
  const Stream a, b;
  const Event fork, join;
  cudaStreamBeginCapture(a, cudaStreamCaptureModeRelaxed);
  launch(add_one, {.block = 64, .stream = a}, x.data(), 64);
  cudaEventRecord(fork, a);
  cudaStreamWaitEvent(b, fork);
  launch(add_one, {.block = 64, .stream = b}, y.data(), 64);
  cudaEventRecord(join, b);
  if (!joined_late) cudaStreamWaitEvent(a, join);
  launch(add_one, {.block = 64, .stream = a}, y.data(), 64);
  if (joined_late) cudaStreamWaitEvent(a, join);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
  cudaStreamEndCapture(a, &graph);
  cudaGraphInstantiate(&exec, graph);
  cudaGraphDestroy(graph);
  for (int i = 0; i < 4; ++i) cudaGraphLaunch(exec, a);
  cudaStreamSynchronize(a);
  cudaGraphExecDestroy(exec);
}
void branch_race() { graph_of_branches(on); }

void relaxed_record() {
  std::uint64_t* mapped = nullptr;
  cudaHostAlloc(&mapped, 64, cudaHostAllocMapped);
  std::memset(mapped, 0, 64);
  const Stream a;
  launch(publish, {.block = 1, .stream = a}, mapped + 1, mapped, on);
  const cuda::atomic_ref<std::uint64_t, cuda::thread_scope_system> number(*mapped);
  while (number.load(cuda::memory_order_acquire) == 0) {
  }
  const volatile std::uint64_t seen = mapped[1];
  static_cast<void>(seen);
  cudaDeviceSynchronize();
  cudaFreeHost(mapped);
}

void host_read() {
  const OnDevice<float> x(100, 1.0f);
  cudaDeviceSynchronize();
  if (on) std::printf("%g\n", static_cast<double>(x.data()[7]));
}

/// While the device is at work: protection by closing the range when it's idle would not see it.
void host_read_at_work() {
  const OnDevice<float> x(100, 1.0f);
  const Stream a;
  int* go = nullptr;
  cudaHostAlloc(&go, sizeof(int), cudaHostAllocMapped);
  *go = 0;
  sidestep::emulation::enqueue(a, [go] {
    while (__atomic_load_n(go, __ATOMIC_ACQUIRE) == 0) {
    }
  });
  if (on) std::printf("%g\n", static_cast<double>(x.data()[7]));
  __atomic_store_n(go, 1, __ATOMIC_RELEASE);
  cudaStreamSynchronize(a);
  cudaFreeHost(go);
}

void misaligned() {
  const OnDevice<float> x(132, 1.0f), y(128, 1.0f);
  launch(copy4, {.block = 32}, x.data(), y.data(), on ? 1 : 4);
  cudaDeviceSynchronize();
}

void divergent_barrier() {
  const OnDevice<float> x(64, 1.0f);
  launch(barrier_in_branch, {.block = 64}, x.data(), on);
  cudaDeviceSynchronize();
}

void barrier_not_reached() {
  const OnDevice<float> x(64 * 3, 1.0f);
  launch(early_return, {.grid = 3, .block = 64}, x.data(), on ? 63 : 64);
  cudaDeviceSynchronize();
}

void half_a_warp() {
  const OnDevice<float> x(64, 1.0f);
  launch(warp_sum, {.block = 32}, x.data(), on ? 16 : 32);
  cudaDeviceSynchronize();
}

void null_pointer() {
  const OnDevice<float> x(64, 1.0f);
  launch(no_pointer, {.block = 32}, on ? nullptr : x.data());
  cudaDeviceSynchronize();
}

void stack_overflow() {
  const OnDevice<float> x(64, 1.0f);
  launch(endless, {.block = 2}, x.data(), on ? 1 << 20 : 3);
  cudaDeviceSynchronize();
}

void stale_in_graph(bool inside_table) {
  const Stream a;
  float* x = nullptr;
  cudaMallocAsync(&x, 64 * sizeof(float), a);
  cudaMemsetAsync(x, 0, 64 * sizeof(float), a);
  cudaStreamBeginCapture(a, cudaStreamCaptureModeRelaxed);
  if (inside_table) {
    launch(add_one_to_all, {.block = 64, .stream = a}, Table{{nullptr, x, nullptr, x}});
  } else {
    launch(add_one, {.block = 64, .stream = a}, x, 64);
  }
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
  cudaStreamEndCapture(a, &graph);
  cudaGraphInstantiate(&exec, graph);
  cudaGraphDestroy(graph);
  cudaGraphLaunch(exec, a);
  if (on) cudaFreeAsync(x, a);
  cudaGraphLaunch(exec, a);
  cudaStreamSynchronize(a);
  cudaGraphExecDestroy(exec);
}
void stale_pointer() { stale_in_graph(false); }
void stale_pointer_in_table() { stale_in_graph(true); }

void freed_in_use() {
  const Stream a, b;
  const Event used;
  float* x = nullptr;
  cudaMallocAsync(&x, 96 * sizeof(float), a);
  cudaMemsetAsync(x, 0, 96 * sizeof(float), a);
  cudaStreamSynchronize(a);
  launch(add_one, {.block = 96, .stream = b}, x, 96);
  cudaEventRecord(used, b);
  if (!on) cudaStreamWaitEvent(a, used);
  cudaFreeAsync(x, a);
  cudaDeviceSynchronize();
}

void long_copy() {
  const OnDevice<float> x(100, 1.0f);
  std::vector<float> host(101);
  cudaMemcpy(host.data(), x.data(), (on ? 101 : 100) * sizeof(float), cudaMemcpyDeviceToHost);
}

const std::map<std::string, void (*)()> faults = {
    {"missing_barrier", missing_barrier},
    {"shared_overrun", shared_overrun},
    {"dynamic_shared_overrun", dynamic_shared_overrun},
    {"device_overrun", device_overrun},
    {"block_race", block_race},
    {"missing_wait", missing_wait},
    {"copy_races_kernel", copy_races_kernel},
    {"unread_copy", unread_copy},
    {"branch_race", branch_race},
    {"relaxed_record", relaxed_record},
    {"host_read", host_read},
    {"host_read_at_work", host_read_at_work},
    {"misaligned", misaligned},
    {"divergent_barrier", divergent_barrier},
    {"barrier_not_reached", barrier_not_reached},
    {"half_a_warp", half_a_warp},
    {"null_pointer", null_pointer},
    {"stack_overflow", stack_overflow},
    {"stale_pointer", stale_pointer},
    {"stale_pointer_in_table", stale_pointer_in_table},
    {"freed_in_use", freed_in_use},
    {"long_copy", long_copy},
};

}  // namespace

int main(int count, char** arguments) {
  const auto fault = count == 3 ? faults.find(arguments[1]) : faults.end();
  if (fault == faults.end()) {
    std::fprintf(stderr, "usage: planted FAULT on|off\n");
    return 2;
  }
  on = std::strcmp(arguments[2], "on") == 0;
  fault->second();
  std::printf("%s\n", cudaGetErrorName(cudaGetLastError()));
}
