#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <sidestep/kernels/cuda/layer.hpp>
#include <sidestep/kernels/cuda/normalise_input.hpp>
#include <sidestep/kernels/cuda/parameters.hpp>

namespace sidestep::kernels::cuda {

/// The whole network for one batch size: its layers, and the buffers between them. Its calls only enqueue.
class Plan {
 public:
  Plan(const NetworkSpec& spec, const Context& context, Workbench& bench, const Parameters& parameters,
       const DeviceStep* step, std::uint32_t batch, bool training);

  /// Fetches the samples; indices as in normalise_input.
  void load(const DeviceImages& data, const std::uint32_t* indices, std::uint32_t first);
  void forward();
  /// Loss, correct answers and, if training, the logits' gradient.
  void loss();
  void backward();

  std::uint32_t batch() const { return batch_; }
  std::uint32_t* indices() const { return indices_; }
  const LossPart* parts() const { return parts_; }
  std::uint32_t part_count() const;
  std::uint64_t generation() const { return generation_; }  ///< of the workbench, when this was built

 private:
  cudaStream_t stream_;
  std::uint32_t batch_, classes_;
  bool training_;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<float*> activations_;  ///< [0] the input, [i + 1] layer i's output
  std::vector<float*> gradients_;    ///< of those; [0] is null
  std::uint8_t* labels_;
  std::uint32_t* indices_ = nullptr;
  LossPart* parts_;
  std::uint64_t generation_;
};

}  // namespace sidestep::kernels::cuda
