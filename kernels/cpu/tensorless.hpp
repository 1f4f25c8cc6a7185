#pragma once

#include <sidestep/kernels/cpu/layer.hpp>

namespace sidestep::kernels::cpu {

/// A layer without weights, which keeps nothing.
class Tensorless : public Layer {
 public:
  std::size_t tensors() const final { return 0; }
  std::size_t parameter_floats() const final { return 0; }
  void import_tensor(int, std::span<const float>, float*) const final {}
  void export_tensor(int, const float*, std::span<float>) const final {}
  std::size_t gradient_floats() const final { return 0; }
  std::size_t kept_floats(std::size_t) const final { return 0; }
  std::size_t scratch_floats(std::size_t) const final { return 0; }
  std::size_t update_scratch_floats(std::size_t) const final { return 0; }
  void refresh(const float*) final {}
  std::size_t update_tasks() const final { return 0; }
  void update(std::size_t, const Batch&, const Update&, const ParameterMemory&) final {}
};

}  // namespace sidestep::kernels::cpu
