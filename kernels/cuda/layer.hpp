#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <sidestep/kernels/cuda/context.hpp>
#include <sidestep/kernels/cuda/step_block.hpp>
#include <sidestep/kernels/network.hpp>

namespace sidestep::kernels::cuda {

/// A tensor of the network in device memory. No gradient for what isn't trained.
struct TensorPlace {
  float* values = nullptr;
  float* gradient = nullptr;
};

/// What a layer is built for: one batch size, training or not.
struct LayerPlace {
  const Context& context;
  Workbench& bench;
  const DeviceStep* step;  ///< for what depends on the step's number or seed
  std::size_t index;       ///< in NetworkSpec::layers
  std::string name;        ///< "conv1", as its first tensor is called
  Shape input, output;
  std::uint32_t batch;
  bool training;
  std::span<const TensorPlace> tensors;  ///< those of kernels::parameters() whose layer this is, in that order
};

/// A layer for one batch size. Its calls enqueue work on the context's stream and nothing else, so they can be
/// captured. Activations are rows, one a sample, NHWC, without padding.
class Layer {
 public:
  virtual ~Layer() = default;

  virtual void forward(const float* input, float* output) = 0;
  /// Writes (never adds) the gradients of its tensors, and that of its input unless that is null. May overwrite
  /// output_gradient.
  virtual void backward(const float* input, const float* output, float* output_gradient, float* input_gradient) = 0;
};

/// Throws CudaError if a library has no way to compute it.
std::unique_ptr<Layer> make_layer(const LayerSpec& spec, const LayerPlace& place);

std::unique_ptr<Layer> make_layer(const Convolution& spec, const LayerPlace& place);
std::unique_ptr<Layer> make_layer(const Dense& spec, const LayerPlace& place);
std::unique_ptr<Layer> make_layer(const NormalisedConvolution& spec, const LayerPlace& place);
std::unique_ptr<Layer> make_layer(const Residual& spec, const LayerPlace& place);
std::unique_ptr<Layer> make_layer(const GlobalAveragePool& spec, const LayerPlace& place);
std::unique_ptr<Layer> make_layer(const Dropout& spec, const LayerPlace& place);

}  // namespace sidestep::kernels::cuda
