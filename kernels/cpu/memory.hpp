#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <sidestep/kernels/cpu/buffer.hpp>
#include <sidestep/kernels/cpu/program.hpp>
#include <sidestep/kernels/cpu/softmax.hpp>

namespace sidestep::kernels::cpu {

/// What one worker needs to take a slice through a phase, or through the whole network forward.
struct WorkerMemory {
  std::vector<Buffer> activations;  ///< one a value
  std::vector<Buffer> gradients;    ///< one a value that owns its gradient, unless the batch holds it
  std::vector<Buffer> kept;         ///< one an operation
  Buffer scratch;                   ///< for whichever operation is at work
  std::vector<std::uint8_t> labels;
  std::vector<std::uint32_t> indices;
};

/// What a whole batch needs until its update: rows of all samples where they are needed in more than one phase or by
/// the update, and the slices' parameter gradients.
struct BatchMemory {
  std::size_t samples = 0;
  std::size_t groups = 0;
  std::vector<Buffer> activations;       ///< one a value; empty where the worker's own will do
  std::vector<Buffer> gradients;         ///< as activations
  Buffer parameter_gradients;            ///< one row of gradient_pitch a group of slices
  std::vector<std::size_t> gradient_at;  ///< each operation's place in such a row
  std::size_t gradient_pitch = 0;
  std::vector<std::vector<double>> measured;  ///< one an operation: the sums of each slice
  std::vector<SoftmaxSums> sums;              ///< one a slice
};

WorkerMemory make_worker_memory(const Program& program, std::size_t slice);
BatchMemory make_batch_memory(const Program& program, std::size_t samples, std::size_t slices, std::size_t groups);
std::size_t bytes(const WorkerMemory& memory);
std::size_t bytes(const BatchMemory& memory);

}  // namespace sidestep::kernels::cpu
