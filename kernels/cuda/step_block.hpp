#pragma once

// What host and device tell each other about a step. Plain structs: both sides read them in place.

#include <cstddef>
#include <cstdint>

namespace sidestep::kernels::cuda {

/// What changes from step to step. The host writes one into the ring of mapped pinned memory before it launches the
/// graph; the indices of the batch's samples follow it.
struct alignas(16) StepParameters {
  double learning_rate = 0;
  std::uint64_t step = 0;  ///< counted from 1; AdamW's t
  std::uint64_t seed = 0;  ///< dropout's key
  std::uint32_t samples = 0;
  std::uint32_t reserved[9] = {};
};
static_assert(sizeof(StepParameters) == 64);

/// In device memory: what the running step works with. begin_step writes it, all kernels of the step read it.
struct DeviceStep {
  StepParameters now;
  std::uint64_t number = 0;  ///< steps that have ended on this device; the ring's index. end_step counts it up
};

/// What a step measured, in the ring of mapped pinned memory.
struct alignas(64) RecordSlot {
  /// Number of the step, from 1, whose record this is. Stored last, with release at system scope; the host's acquire in
  /// StepRing::arrived is its partner.
  std::uint64_t published = 0;
  std::uint64_t step = 0;
  double loss = 0;  ///< mean over the batch
  std::uint64_t device_ns = 0;
  std::uint32_t correct = 0;
  std::uint32_t samples = 0;
  float gradient_norm = 0;
};
static_assert(sizeof(RecordSlot) == 64);

/// What an evaluation measured so far; the last chunk publishes it.
struct alignas(64) EvaluationSlot {
  std::uint64_t published = 0;  ///< the evaluation's number, stored as RecordSlot::published is
  double loss = 0;              ///< sum over the samples
  std::uint64_t correct = 0;
};

/// What one block of softmax_cross_entropy adds to the batch's figures.
struct LossPart {
  double loss = 0;  ///< sum over its rows
  std::uint32_t correct = 0;
  std::uint32_t reserved = 0;
};

}  // namespace sidestep::kernels::cuda
