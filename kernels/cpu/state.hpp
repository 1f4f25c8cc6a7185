#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <sidestep/kernels/cpu/buffer.hpp>
#include <sidestep/kernels/cpu/layer.hpp>
#include <sidestep/kernels/session.hpp>

namespace sidestep::kernels::cpu {

class StateSnapshot;

/// Weights and optimizer state of all layers, and their names. Each kind is one buffer in which every layer has its
/// part, in the layer's own layout.
class State {
 public:
  State(const NetworkSpec& spec, const Optimizer& optimizer, const std::vector<std::unique_ptr<Layer>>& layers);

  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  ParameterMemory of(std::size_t layer);

  void read(std::size_t tensor, std::span<float> values) const;
  void write(std::size_t tensor, std::span<const float> values);
  void initialise(const NetworkSpec& spec, std::uint64_t seed);

  std::unique_ptr<Snapshot> snapshot(Contents contents, std::unique_ptr<Snapshot> reuse) const;
  void restore(const Snapshot& snapshot);
  void read(const Snapshot& snapshot, std::size_t tensor, std::span<float> values) const;

 private:
  struct Place {
    std::size_t kind;  ///< index in memory_: weights, first, second
    std::size_t layer;
    int tensor;  ///< of the layer: 0 weight, 1 bias
  };
  void export_from(const Buffer& memory, std::size_t tensor, std::span<float> values) const;
  void check_size(std::size_t tensor, std::size_t size) const;
  const StateSnapshot& ours(const Snapshot& snapshot) const;

  const std::vector<std::unique_ptr<Layer>>& layers_;
  std::vector<std::size_t> offsets_;  ///< of each layer in each buffer
  std::vector<Buffer> memory_;        ///< weights, first, second (AdamW only)
  std::vector<TensorInfo> tensors_;
  std::vector<Place> places_;
};

}  // namespace sidestep::kernels::cpu
