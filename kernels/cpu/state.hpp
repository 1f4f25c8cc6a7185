#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <sidestep/kernels/cpu/buffer.hpp>
#include <sidestep/kernels/cpu/program.hpp>
#include <sidestep/kernels/session.hpp>

namespace sidestep::kernels::cpu {

class StateSnapshot;

/// Weights, running statistics and optimizer state of all operations, and their names. Each kind is one buffer in which
/// every operation has its part, in its layer's own layout.
class State {
 public:
  State(const NetworkSpec& spec, const Optimizer& optimizer, const Program& program);

  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  ParameterMemory of(std::size_t operation);

  void read(std::size_t tensor, std::span<float> values) const;
  void write(std::size_t tensor, std::span<const float> values);
  void initialise(const NetworkSpec& spec, std::uint64_t seed);

  std::unique_ptr<Snapshot> snapshot(Contents contents, std::unique_ptr<Snapshot> reuse) const;
  void restore(const Snapshot& snapshot);
  void read(const Snapshot& snapshot, std::size_t tensor, std::span<float> values) const;

 private:
  struct Place {
    std::size_t kind;  ///< index in memory_: weights, first, second
    std::size_t operation;
    int tensor;  ///< of the operation's layer: 0 weight, 1 bias
  };
  void export_from(const Buffer& memory, std::size_t tensor, std::span<float> values) const;
  void check_size(std::size_t tensor, std::size_t size) const;
  const StateSnapshot& ours(const Snapshot& snapshot) const;

  const Program& program_;
  std::vector<std::size_t> offsets_;  ///< of each operation in each buffer
  std::vector<Buffer> memory_;        ///< weights, first, second (AdamW only)
  std::vector<TensorInfo> tensors_;
  std::vector<Place> places_;
};

}  // namespace sidestep::kernels::cpu
