#include <sidestep/kernels/cuda/step_kernels.hpp>

#include <cuda/atomic>

#include <sidestep/kernels/cuda/reduce.cuh>

namespace sidestep::kernels::cuda {
namespace {

using SystemWord = ::cuda::atomic_ref<std::uint64_t, ::cuda::thread_scope_system>;

// One block: a few hundred bytes over the bus, so latency is all it costs. No occupancy to speak of. At most 32
// registers.
__global__ void take_parameters(const unsigned char* blocks, std::size_t pitch, std::uint32_t depth,
                                std::uint32_t samples, DeviceStep* step, std::uint32_t* indices) {
  const unsigned char* mine = blocks + step->number % depth * pitch;
  const auto* from = reinterpret_cast<const uint4*>(mine);
  auto* header = reinterpret_cast<uint4*>(&step->now);
  constexpr unsigned headers = sizeof(StepParameters) / sizeof(uint4);
  const unsigned words = headers + ceil_div(samples, 4u);
  for (unsigned i = threadIdx.x; i < words; i += blockDim.x) {
    if (i < headers)
      header[i] = from[i];
    else
      reinterpret_cast<uint4*>(indices)[i - headers] = from[i];
  }
}

struct Sums {
  double loss;
  std::uint32_t correct;
};

/// Every thread gets the sums.
__device__ Sums add_up(const LossPart* parts, std::uint32_t count, double* of_warps, std::uint32_t* counts) {
  double loss = 0;
  std::uint32_t correct = 0;
  for (std::uint32_t i = threadIdx.x; i < count; i += blockDim.x) {
    loss += parts[i].loss;
    correct += parts[i].correct;
  }
  return {block_sum(loss, of_warps), block_sum(correct, counts)};
}

// Without telemetry: only that the step has ended. One thread. At most 20 registers.
__global__ void count_step(DeviceStep* step, RecordSlot* ring, std::uint32_t depth) {
  const std::uint64_t number = step->number + 1;
  RecordSlot& slot = ring[step->number % depth];
  slot.step = step->now.step;
  step->number = number;
  // release at system scope: as in write_record
  SystemWord(slot.published).store(number, ::cuda::memory_order_release);
}

// One block of 256 threads; two loads a thread at batch 512. Bound by latency and by the write over the bus.
// At most 32 registers.
__global__ void write_record(const LossPart* parts, std::uint32_t part_count, const double* squares,
                             std::uint32_t square_count, DeviceStep* step, RecordSlot* ring, std::uint32_t depth) {
  SHARED(double, of_warps, warp);
  SHARED(std::uint32_t, counts, warp);
  const Sums sums = add_up(parts, part_count, of_warps, counts);
  double square = 0;
  for (std::uint32_t i = threadIdx.x; i < square_count; i += blockDim.x) square += squares[i];
  square = block_sum(square, of_warps);
  if (threadIdx.x != 0) return;
  const std::uint64_t number = step->number + 1;
  RecordSlot& slot = ring[step->number % depth];
  SystemWord published(slot.published);
  if (PLANTED(record_published_early)) published.store(number, ::cuda::memory_order_release);
  slot.step = step->now.step;
  slot.loss = sums.loss / step->now.samples;
  slot.device_ns = device_clock();
  slot.correct = sums.correct;
  slot.samples = step->now.samples;
  slot.gradient_norm = square_count ? static_cast<float>(sqrt(square)) : __int_as_float(0x7FC00000);
  step->number = number;
  // release at system scope: pairs with the host's acquire in StepRing::arrived, which then sees the whole slot; and
  // the host's next write of this step's parameter block comes behind all that the step has read of it
  if (!PLANTED(record_published_early)) published.store(number, ::cuda::memory_order_release);
}

// One block; the last chunk of an evaluation writes over the bus. At most 19 registers.
__global__ void write_evaluation(const LossPart* parts, std::uint32_t part_count, EvaluationSlot* total, bool first,
                                 bool last, std::uint64_t number, EvaluationSlot* mapped) {
  SHARED(double, of_warps, warp);
  SHARED(std::uint32_t, counts, warp);
  const Sums sums = add_up(parts, part_count, of_warps, counts);
  if (threadIdx.x != 0) return;
  const double loss = (first ? 0.0 : total->loss) + sums.loss;
  const std::uint64_t correct = (first ? 0 : total->correct) + sums.correct;
  total->loss = loss;
  total->correct = correct;
  if (!last) return;
  mapped->loss = loss;
  mapped->correct = correct;
  // release at system scope: pairs with the host's acquire in Session::evaluate
  SystemWord(mapped->published).store(number, ::cuda::memory_order_release);
}

}  // namespace

cudaError_t load_kernel() {
  return cudaFuncSetAttribute(take_parameters, cudaFuncAttributePreferredSharedMemoryCarveout, -1);  // -1: as it was
}

void begin_step(const ParameterRing& ring, std::uint32_t samples, DeviceStep* step, std::uint32_t* indices,
                cudaStream_t stream, unsigned block) {
  launch(take_parameters, 1, block, 0, stream, ring.blocks, ring.pitch, ring.depth, samples, step, indices);
}

void end_step(const LossPart* parts, std::uint32_t part_count, const double* squares, std::uint32_t square_count,
              DeviceStep* step, RecordSlot* ring, std::uint32_t depth, cudaStream_t stream, unsigned block) {
  launch(write_record, 1, block, 0, stream, parts, part_count, squares, squares ? square_count : 0, step, ring, depth);
}

void end_silent_step(DeviceStep* step, RecordSlot* ring, std::uint32_t depth, cudaStream_t stream) {
  launch(count_step, 1, 1, 0, stream, step, ring, depth);
}

void end_chunk(const LossPart* parts, std::uint32_t part_count, EvaluationSlot* sums, bool first, bool last,
               std::uint64_t number, EvaluationSlot* mapped, cudaStream_t stream, unsigned block) {
  launch(write_evaluation, 1, block, 0, stream, parts, part_count, sums, first, last, number, mapped);
}

}  // namespace sidestep::kernels::cuda
