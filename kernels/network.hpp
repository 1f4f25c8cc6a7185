#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

namespace sidestep::kernels {

/// One sample, or what a layer makes of it: channels x height x width. A dense layer's output is {units, 1, 1}.
struct Shape {
  std::size_t channels = 1;
  std::size_t height = 1;
  std::size_t width = 1;

  std::size_t size() const { return channels * height * width; }
  bool operator==(const Shape&) const = default;
};

/// Convolution with odd square kernels, stride 1 and zero padding that keeps the size; then ReLU; then 2x2 max-pooling.
/// Height and width must be even. Weights [filters, channels, kernel, kernel], biases [filters].
struct Convolution {
  std::size_t filters = 1;
  std::size_t kernel = 5;
};

/// y = W x + b, and ReLU if asked for. Weights [units, inputs], inputs in the order channel, row, column; biases
/// [units].
struct Dense {
  std::size_t units = 1;
  bool relu = true;
};

/// Convolution with odd square kernels, kernel / 2 zeros around and no bias; batch normalisation; ReLU if asked for. A
/// side of n becomes (n - 1) / stride + 1. Weights [filters, channels, kernel, kernel]; the normalisation has a weight,
/// a bias, a running mean and a running variance, [filters] each.
struct NormalisedConvolution {
  std::size_t filters = 1;
  std::size_t kernel = 3;
  std::size_t stride = 1;
  bool relu = true;
};

/// ReLU(norm(conv3x3(ReLU(norm(conv3x3(x, stride))))) + shortcut(x)). The shortcut is x itself, or norm(conv1x1(x,
/// stride)) where the shape changes: option B of He et al., Deep Residual Learning, 2016.
struct Residual {
  std::size_t filters = 1;
  std::size_t stride = 1;
};

/// The mean of each channel; {channels, 1, 1}.
struct GlobalAveragePool {};

/// While training, each value becomes 0 with probability `rate`, and is divided by 1 - rate otherwise. Which ones:
/// kernels/dropout.hpp.
struct Dropout {
  float rate = 0.5f;
};

using LayerSpec = std::variant<Convolution, Dense, NormalisedConvolution, Residual, GlobalAveragePool, Dropout>;

/// Batch normalisation (Ioffe and Szegedy, 2015), semantics of PyTorch's BatchNorm2d. Training: each channel's mean and
/// biased variance over the batch, y = weight (x - mean) / sqrt(variance + epsilon) + bias, and
///   running <- running + momentum (measured - running), the variance measured for it being the unbiased one.
/// Evaluation: the running mean and variance instead.
inline constexpr float norm_epsilon = 1e-5f;
inline constexpr float norm_momentum = 0.1f;

/// A feed-forward network: convolutions and residual blocks first, then dense layers. The last layer is dense, without
/// ReLU; its units are the classes of a softmax cross-entropy.
struct NetworkSpec {
  Shape input;
  std::vector<LayerSpec> layers;
};

/// What a tensor holds before the first step.
enum class Initial {
  uniform,  ///< Kaiming uniform: +-1/sqrt(fan_in)
  zero,
  one
};

/// One tensor of the network in the layout in which it is read and written, PyTorch's.
struct ParameterInfo {
  std::string name;  ///< conv1.weight, conv1.bias, norm1.running_mean, block1.conv2.weight, dense1.weight, ...
  std::vector<std::size_t> shape;
  std::size_t layer = 0;   ///< index in NetworkSpec::layers
  std::size_t fan_in = 1;  ///< inputs that one output of the layer sums over
  Initial initial = Initial::uniform;
  bool trained = true;  ///< false for running statistics: no gradient, no optimizer state

  std::size_t size() const;
};

/// Output shapes of all layers, in order. Throws ShapeError if the layers do not fit together.
std::vector<Shape> output_shapes(const NetworkSpec& spec);

/// True if the block's shortcut is a convolution, not the input itself.
bool has_shortcut(const Residual& block, const Shape& input);

/// All tensors but the optimizer's, in the order of the layers: weight, bias, and of a normalisation weight, bias,
/// running_mean, running_var. A normalisation bears the number of its convolution (conv1, norm1); within a block conv1,
/// norm1, conv2, norm2, shortcut.conv, shortcut.norm. Throws ShapeError as output_shapes does.
std::vector<ParameterInfo> parameters(const NetworkSpec& spec);

/// The smallest batch that can be trained on: 2 if a normalisation sees one value a channel and sample, otherwise 1.
std::size_t smallest_batch(const NetworkSpec& spec);

/// Number of classes: the units of the last layer. Throws ShapeError if the spec is not well formed.
std::size_t classes(const NetworkSpec& spec);

}  // namespace sidestep::kernels
