#pragma once

#include <cstddef>
#include <cstdint>
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
  const float* second = nullptr;     ///< what a normalisation adds to its result, if anything
  float* second_gradient = nullptr;  ///< written; null if nobody needs it
  bool adds = false;                 ///< backward adds to input_gradient instead of overwriting it
  float* kept = nullptr;             ///< what this layer's forward leaves for its backward: kept_floats(samples)
  float* scratch = nullptr;          ///< the worker's: scratch_floats(samples)
  float* gradient = nullptr;         ///< this slice's parameter gradient, added to: gradient_floats()
  double* sums = nullptr;            ///< what measuring this slice yields: sums()
  int worker = 0;
  std::size_t row = 0;     ///< of the first sample, in the batch
  std::uint32_t step = 0;  ///< low word of StepInput::step
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

/// A layer as the engine drives it, or a part of one: a residual block is several of these. Each training step calls
/// forward and backward once a slice (slices run at the same time, on several workers), then every update task once
/// (they too run at the same time). All that decides a result is fixed by the batch: which worker does what decides
/// nothing.
///
/// A layer that needs numbers of the whole batch says so by sums(): then all slices go through measure() before
/// conclude() adds what they found, in order, on one thread; only then they go through forward(). Backward likewise.
class Layer {
 public:
  virtual ~Layer() = default;

  virtual std::size_t tensors() const { return 2; }  ///< of ParameterInfo that belong to it
  virtual std::size_t parameter_floats() const = 0;
  /// Between the layout of ParameterInfo and the layer's own; `tensor` is 0 for the weight, 1 for the bias, and so on.
  virtual void import_tensor(int tensor, std::span<const float> values, float* own) const = 0;
  virtual void export_tensor(int tensor, const float* own, std::span<float> values) const = 0;

  virtual std::size_t gradient_floats() const = 0;
  /// True if the update needs the input and the output's gradient of the whole batch, instead of a gradient a slice.
  virtual bool updates_from_rows() const { return false; }
  /// True if backward must find on its worker what forward left there for the same slice, in `kept` or elsewhere.
  virtual bool keeps() const { return false; }
  virtual std::size_t kept_floats(std::size_t samples) const = 0;
  virtual std::size_t scratch_floats(std::size_t samples) const = 0;
  virtual std::size_t update_scratch_floats(std::size_t samples) const = 0;

  /// Called before slices of this size run on this many workers, while none runs.
  virtual void prepare(std::size_t /*samples*/, std::size_t /*workers*/) {}
  /// Gives back what prepare made; returns bytes.
  virtual std::size_t release() { return 0; }

  /// Derives from the weights whatever the layer keeps of them in other forms; called after they were written.
  virtual void refresh(const float* weights) = 0;

  virtual std::size_t sums() const { return 0; }  ///< numbers that measuring a slice yields, in either direction
  virtual void measure(const Slice& /*slice*/) {}
  virtual void conclude(const double* /*sums of each slice*/, std::size_t /*slices*/, float* /*weights*/) {}
  virtual void measure_backward(const Slice& /*slice*/) {}
  virtual void conclude_backward(const double* /*sums of each slice*/, std::size_t /*slices*/,
                                 const float* /*weights*/) {}

  virtual void forward(const Slice& slice, const float* weights, bool training) = 0;
  virtual void backward(const Slice& slice, const float* weights) = 0;

  /// The update is cut into tasks that run in any order; the last thing they do is what refresh does, each for its
  /// part.
  virtual std::size_t update_tasks() const = 0;
  virtual void update(std::size_t task, const Batch& batch, const Update& update, const ParameterMemory& memory) = 0;
};

}  // namespace sidestep::kernels::cpu
