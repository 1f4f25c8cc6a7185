#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <sidestep/kernels/cpu/buffer.hpp>
#include <sidestep/kernels/cpu/layer.hpp>
#include <sidestep/kernels/cpu/softmax.hpp>

namespace sidestep::kernels::cpu {

/// What one worker needs to take a slice through the network.
struct WorkerMemory {
  std::vector<Buffer> activations;  ///< one a boundary: the input, then each layer's output
  std::vector<Buffer> gradients;    ///< as activations; the first stays empty
  std::vector<Buffer> kept;         ///< one a layer
  Buffer scratch;                   ///< for whichever layer is at work
  std::vector<std::uint8_t> labels;
  std::vector<std::uint32_t> indices;
};

/// What a whole batch needs until its update: rows of all samples where a layer takes its gradient from the whole
/// batch, and the slices' parameter gradients where it does not.
struct BatchMemory {
  std::size_t samples = 0;
  std::size_t groups = 0;
  std::vector<Buffer> activations;       ///< one a boundary; empty where the worker's own will do
  std::vector<Buffer> gradients;         ///< as activations
  Buffer parameter_gradients;            ///< one row of gradient_pitch a group of slices
  std::vector<std::size_t> gradient_at;  ///< each layer's place in such a row
  std::size_t gradient_pitch = 0;
  std::vector<SoftmaxSums> sums;  ///< one a slice
};

/// The pitch of each boundary's rows, in floats.
std::vector<std::size_t> pitches(const NetworkSpec& spec);

WorkerMemory make_worker_memory(const std::vector<std::unique_ptr<Layer>>& layers,
                                const std::vector<std::size_t>& pitches, std::size_t slice);
BatchMemory make_batch_memory(const std::vector<std::unique_ptr<Layer>>& layers,
                              const std::vector<std::size_t>& pitches, std::size_t samples, std::size_t slices,
                              std::size_t groups);
std::size_t bytes(const WorkerMemory& memory);
std::size_t bytes(const BatchMemory& memory);

}  // namespace sidestep::kernels::cpu
