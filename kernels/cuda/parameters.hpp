#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <sidestep/kernels/cuda/home.hpp>
#include <sidestep/kernels/cuda/layer.hpp>
#include <sidestep/kernels/cuda/optimizer_step.hpp>
#include <sidestep/kernels/session.hpp>

namespace sidestep::kernels::cuda {

/// The network's tensors and the optimizer's in device memory, in one array, so that one kernel updates and one copy
/// snapshots all of them: trained tensors, running statistics, then the optimizer's one or two arrays, which are laid
/// out as the trained tensors. A tensor begins at a multiple of 64 floats.
///
/// Inside, filters are (filter, row, column, channel), and the columns of a dense layer behind an image are in the
/// order row, column, channel; at the interface both are PyTorch's.
class Parameters {
 public:
  Parameters(const NetworkSpec& spec, const Optimizer& optimizer, std::shared_ptr<Home> home);

  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  /// Of one layer, in the order of kernels::parameters().
  std::vector<TensorPlace> of(std::size_t layer) const;
  ParameterArrays arrays() const;
  /// What a snapshot of everything takes on the device.
  std::size_t snapshot_bytes() const { return state_.bytes(); }

  void read(std::size_t tensor, std::span<float> values) const;
  void write(std::size_t tensor, std::span<const float> values);
  void initialise(std::uint64_t seed);

  std::unique_ptr<Snapshot> snapshot(Contents contents, std::unique_ptr<Snapshot> reuse) const;
  void restore(const Snapshot& snapshot);
  void read(const Snapshot& snapshot, std::size_t tensor, std::span<float> values) const;

 private:
  struct Place {
    std::size_t offset;  ///< in the array
    std::size_t info;    ///< in infos_
  };
  /// Calls f(canonical index, own index) for each element.
  template <class F>
  void map(std::size_t info, F f) const;
  void check_size(std::size_t tensor, std::size_t size) const;
  void export_tensor(const float* array, std::size_t tensor, std::span<float> values) const;
  void import_tensor(float* array, std::size_t tensor, std::span<const float> values) const;
  std::size_t floats(Contents contents) const { return contents == Contents::weights ? weights_ : state_.size(); }

  NetworkSpec spec_;
  std::vector<Shape> inputs_;  ///< of each layer
  std::vector<ParameterInfo> infos_;
  std::shared_ptr<Home> home_;
  std::vector<TensorInfo> tensors_;
  std::vector<Place> places_;
  std::size_t trained_ = 0;  ///< floats of the trained tensors
  std::size_t weights_ = 0;  ///< those and the running statistics
  DeviceBuffer<float> state_;
  DeviceBuffer<float> gradients_;
  PinnedBuffer<float> transfer_;  ///< for read and write, which wait
};

}  // namespace sidestep::kernels::cuda
