#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <sidestep/kernels/cpu/buffer.hpp>
#include <sidestep/kernels/cpu/update.hpp>
#include <sidestep/kernels/network.hpp>

namespace sidestep::kernels::cpu {

/// A row of activations is padded to this many floats; what lies between is zero and stays zero.
inline constexpr std::size_t row_multiple = 16;
constexpr std::size_t row_pitch(std::size_t features) { return round_up(features, row_multiple); }

/// Where the canonical feature i (channel, row, column) stands in an NHWC row.
constexpr std::size_t nhwc_index(const Shape& shape, std::size_t i) {
  const auto plane = shape.height * shape.width;
  return i % plane * shape.channels + i / plane;
}

/// One slice of a batch on its way through one layer. Activations are rows, one a sample, in the order row, column,
/// channel (NHWC), row_pitch(features) floats apart.
struct Slice {
  std::size_t samples = 0;
  const float* input = nullptr;
  float* output = nullptr;
  float* output_gradient = nullptr;  ///< backward only; the layer may overwrite it
  float* input_gradient = nullptr;   ///< backward only; null if nobody needs it
  float* kept = nullptr;             ///< what this layer's forward leaves for its backward: kept_floats(samples)
  float* scratch = nullptr;          ///< the worker's: scratch_floats(samples)
  float* gradient = nullptr;         ///< this slice's parameter gradient, added to: gradient_floats()
  int worker = 0;
};

/// The whole batch, when all its slices have been through the network.
struct Batch {
  std::size_t samples = 0;
  const float* input = nullptr;            ///< rows of all samples
  const float* output_gradient = nullptr;  ///< rows of all samples, as the layer's backward left them
  const float* gradients = nullptr;        ///< parameter gradients of all slices, gradient_pitch floats apart
  std::size_t gradient_pitch = 0;
  std::size_t slices = 0;
  float* scratch = nullptr;  ///< the worker's: update_scratch_floats(samples)
};

/// A layer's parameters and their optimizer state, each parameter_floats() long, in the layer's own layout.
struct ParameterMemory {
  float* weights = nullptr;
  float* first = nullptr;   ///< momentum, or AdamW's m
  float* second = nullptr;  ///< AdamW's v; null for SGD
};

/// A layer as the session drives it. Each training step calls forward and backward once a slice (slices run at the same
/// time, on several workers), then every update task once (they too run at the same time). All that decides a result is
/// fixed by the batch: which worker does what decides nothing.
class Layer {
 public:
  virtual ~Layer() = default;

  virtual std::size_t parameter_floats() const = 0;
  /// Between the layout of ParameterInfo and the layer's own; `tensor` is 0 for the weight, 1 for the bias.
  virtual void import_tensor(int tensor, std::span<const float> values, float* own) const = 0;
  virtual void export_tensor(int tensor, const float* own, std::span<float> values) const = 0;

  virtual std::size_t gradient_floats() const = 0;  ///< 0: the layer takes its gradient from the whole batch instead
  virtual std::size_t kept_floats(std::size_t samples) const = 0;
  virtual std::size_t scratch_floats(std::size_t samples) const = 0;
  virtual std::size_t update_scratch_floats(std::size_t samples) const = 0;

  /// Called before slices of this size run on this many workers, while none runs.
  virtual void prepare(std::size_t /*samples*/, std::size_t /*workers*/) {}
  /// Gives back what prepare made; returns bytes.
  virtual std::size_t release() { return 0; }

  /// Derives from the weights whatever the layer keeps of them in other forms; called after they were written.
  virtual void refresh(const float* weights) = 0;

  virtual void forward(const Slice& slice, const float* weights, bool training) = 0;
  virtual void backward(const Slice& slice, const float* weights) = 0;

  /// The update is cut into tasks that run in any order; the last thing they do is what refresh does, each for its
  /// part.
  virtual std::size_t update_tasks() const = 0;
  virtual void update(std::size_t task, const Batch& batch, const Update& update, const ParameterMemory& memory) = 0;
};

}  // namespace sidestep::kernels::cpu
