#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include <sidestep/kernels/cuda/block_size.hpp>
#include <sidestep/kernels/cuda/step_block.hpp>

namespace sidestep::kernels::cuda {

/// The ring that the host writes, as the device sees it: `depth` blocks, each a StepParameters and its indices.
struct ParameterRing {
  const unsigned char* blocks = nullptr;
  std::size_t pitch = 0;  ///< bytes from block to block, a multiple of 16
  std::uint32_t depth = 1;
};

/// Whether the driver takes this build's kernels: loads one, and says what the driver says of it.
cudaError_t load_kernel();

/// First kernel of a step: fetches the step's block over the bus, once, for all the others.
///
/// step     DeviceStep; `now` is overwritten, `number` says which block is the step's
/// indices  [samples] in device memory, rounded up to a multiple of 4
void begin_step(const ParameterRing& ring, std::uint32_t samples, DeviceStep* step, std::uint32_t* indices,
                cudaStream_t stream, unsigned block = usual_block(128));

/// Last kernel of a step, the telemetry record: adds up what the batch's blocks found, writes the record into its slot
/// of mapped memory, and publishes it with a release at system scope. Nobody on the host is called or waited for.
///
/// parts    [part_count] of softmax_cross_entropy
/// squares  [square_count] of gradient_squares; null: the record's gradient norm is NaN
/// ring     [depth] slots; step n's is n % depth
void end_step(const LossPart* parts, std::uint32_t part_count, const double* squares, std::uint32_t square_count,
              DeviceStep* step, RecordSlot* ring, std::uint32_t depth, cudaStream_t stream,
              unsigned block = usual_block(256));

/// The same without telemetry: the record says which step ended, and nothing else.
void end_silent_step(DeviceStep* step, RecordSlot* ring, std::uint32_t depth, cudaStream_t stream);

/// Adds a chunk's figures to the evaluation's, in order; the last chunk publishes them.
void end_chunk(const LossPart* parts, std::uint32_t part_count, EvaluationSlot* sums, bool first, bool last,
               std::uint64_t number, EvaluationSlot* mapped, cudaStream_t stream, unsigned block = usual_block(256));

}  // namespace sidestep::kernels::cuda
