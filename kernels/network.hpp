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

using LayerSpec = std::variant<Convolution, Dense>;

/// A feed-forward network: convolutions first, then dense layers. The last layer is dense, without ReLU; its units are
/// the classes of a softmax cross-entropy.
struct NetworkSpec {
  Shape input;
  std::vector<LayerSpec> layers;
};

/// One trainable tensor in the layout in which it is read and written, PyTorch's.
struct ParameterInfo {
  std::string name;  ///< conv1.weight, conv1.bias, conv2.weight, ... dense1.weight, ...
  std::vector<std::size_t> shape;
  std::size_t layer = 0;   ///< index in NetworkSpec::layers
  std::size_t fan_in = 1;  ///< inputs that one output of the layer sums over

  std::size_t size() const;
};

/// Output shapes of all layers, in order. Throws ShapeError if the layers do not fit together.
std::vector<Shape> output_shapes(const NetworkSpec& spec);

/// All trainable tensors, in the order of the layers, weight before bias. Throws ShapeError as output_shapes does.
std::vector<ParameterInfo> parameters(const NetworkSpec& spec);

/// Number of classes: the units of the last layer. Throws ShapeError if the spec is not well formed.
std::size_t classes(const NetworkSpec& spec);

}  // namespace sidestep::kernels
