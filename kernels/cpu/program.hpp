#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include <sidestep/kernels/cpu/layer.hpp>
#include <sidestep/kernels/cpu/session.hpp>
#include <sidestep/kernels/network.hpp>

namespace sidestep::kernels::cpu {

inline constexpr std::size_t nothing = std::numeric_limits<std::size_t>::max();

/// What flows between operations: rows of activations, and of their gradients on the way back.
struct Value {
  Shape shape;
  std::size_t gradient;  ///< the value where the gradient lies: this one, or the output of what overwrites it in place
  bool shared_rows = false;      ///< lives in rows of the whole batch; otherwise a worker's own memory will do
  bool shared_gradient = false;  ///< likewise, of whoever owns the gradient

  std::size_t pitch() const { return row_pitch(shape.size()); }
};

/// A layer and where it stands.
struct Operation {
  std::unique_ptr<Layer> layer;
  std::size_t first_parameter;  ///< index in parameters(spec) of its first tensor
  std::size_t input, output;
  std::size_t second = nothing;  ///< what a normalisation adds to its result
  bool adds = false;             ///< somebody else has written the input's gradient by then
  bool again = false;  ///< what forward kept is gone by the time of backward, so it runs once more just before
};

struct Step {
  enum class Kind { load, measure, forward, loss, measure_backward, backward } kind;
  std::size_t operation = nothing;
};

/// A network as a list of simple operations, and a training step on it as phases. A slice goes through the steps of a
/// phase without a stop; between phases all slices wait for each other, and what was measured is concluded. A network
/// in which nothing needs the whole batch has one phase, so a slice runs through all of it while it is in the cache.
struct Program {
  std::vector<Value> values;  ///< the first is the input, the last the logits
  std::vector<Operation> operations;
  std::vector<std::vector<Step>> phases;
};

/// Throws ShapeError if the layers do not fit together. Of the options path, winograd and seed count.
Program make_program(const NetworkSpec& spec, const CpuOptions& options);

/// Lists the phases of a training step, and works out from them what each value and operation needs.
void schedule(Program& program);

}  // namespace sidestep::kernels::cpu
