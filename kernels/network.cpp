#include <sidestep/kernels/network.hpp>

#include <fmt/format.h>

#include <sidestep/kernels/error.hpp>

namespace sidestep::kernels {
namespace {

/// Where a layer stands, for its checks and their messages.
struct Place {
  std::size_t index;
  Shape input;
  bool flat;  ///< behind a dense layer: rows and columns are gone
};

Shape convolved(const Place& at, std::size_t filters, std::size_t kernel, std::size_t stride) {
  if (at.flat)
    throw ShapeError(
        fmt::format("layer {}: a convolution cannot follow a dense layer; put convolutions first", at.index));
  if (filters == 0) throw ShapeError(fmt::format("layer {}: a convolution needs at least one filter", at.index));
  if (kernel % 2 == 0)
    throw ShapeError(fmt::format("layer {}: the kernel is {} wide; it must be odd, so that padding keeps the size",
                                 at.index, kernel));
  if (stride == 0) throw ShapeError(fmt::format("layer {}: a stride of 0 goes nowhere; 1 or 2 is usual", at.index));
  return {filters, (at.input.height - 1) / stride + 1, (at.input.width - 1) / stride + 1};
}

Shape output_of(const Convolution& layer, const Place& at) {
  const Shape full = convolved(at, layer.filters, layer.kernel, 1);
  if (full.height % 2 != 0 || full.width % 2 != 0)
    throw ShapeError(
        fmt::format("layer {}: 2x2 pooling needs even sides, the input is {} x {}", at.index, full.height, full.width));
  return {full.channels, full.height / 2, full.width / 2};
}

Shape output_of(const Dense& layer, const Place& at) {
  if (layer.units == 0) throw ShapeError(fmt::format("layer {}: a dense layer needs at least one unit", at.index));
  return {layer.units, 1, 1};
}

Shape output_of(const NormalisedConvolution& layer, const Place& at) {
  return convolved(at, layer.filters, layer.kernel, layer.stride);
}

Shape output_of(const Residual& layer, const Place& at) { return convolved(at, layer.filters, 3, layer.stride); }

Shape output_of(const GlobalAveragePool&, const Place& at) {
  if (at.flat)
    throw ShapeError(
        fmt::format("layer {}: there is nothing to average behind a dense layer; put it before", at.index));
  return {at.input.channels, 1, 1};
}

Shape output_of(const Dropout& layer, const Place& at) {
  if (!(layer.rate >= 0.0f && layer.rate < 1.0f))
    throw ShapeError(fmt::format("layer {}: a dropout rate of {} is not in [0, 1)", at.index, layer.rate));
  return at.input;
}

/// Appends tensors under their names, and counts what has a number.
class Namer {
 public:
  explicit Namer(std::vector<ParameterInfo>& all) : all_(all) {}

  void add(const Convolution& layer, const Shape& input, std::size_t index) {
    const auto name = fmt::format("conv{}", ++convolutions_);
    convolution(name, input.channels, layer.filters, layer.kernel, index);
    all_.push_back({name + ".bias", {layer.filters}, index, all_.back().fan_in});
  }
  void add(const Dense& layer, const Shape& input, std::size_t index) {
    const auto name = fmt::format("dense{}", ++denses_);
    all_.push_back({name + ".weight", {layer.units, input.size()}, index, input.size()});
    all_.push_back({name + ".bias", {layer.units}, index, input.size()});
  }
  void add(const NormalisedConvolution& layer, const Shape& input, std::size_t index) {
    ++convolutions_;
    convolution(fmt::format("conv{}", convolutions_), input.channels, layer.filters, layer.kernel, index);
    norm(fmt::format("norm{}", convolutions_), layer.filters, index);
  }
  void add(const Residual& layer, const Shape& input, std::size_t index) {
    const auto name = fmt::format("block{}.", ++blocks_);
    convolution(name + "conv1", input.channels, layer.filters, 3, index);
    norm(name + "norm1", layer.filters, index);
    convolution(name + "conv2", layer.filters, layer.filters, 3, index);
    norm(name + "norm2", layer.filters, index);
    if (!has_shortcut(layer, input)) return;
    convolution(name + "shortcut.conv", input.channels, layer.filters, 1, index);
    norm(name + "shortcut.norm", layer.filters, index);
  }
  void add(const GlobalAveragePool&, const Shape&, std::size_t) {}
  void add(const Dropout&, const Shape&, std::size_t) {}

 private:
  void convolution(const std::string& name, std::size_t channels, std::size_t filters, std::size_t kernel,
                   std::size_t index) {
    all_.push_back({name + ".weight", {filters, channels, kernel, kernel}, index, channels * kernel * kernel});
  }
  void norm(const std::string& name, std::size_t channels, std::size_t index) {
    all_.push_back({name + ".weight", {channels}, index, 1, Initial::one});
    all_.push_back({name + ".bias", {channels}, index, 1, Initial::zero});
    all_.push_back({name + ".running_mean", {channels}, index, 1, Initial::zero, false});
    all_.push_back({name + ".running_var", {channels}, index, 1, Initial::one, false});
  }

  std::vector<ParameterInfo>& all_;
  std::size_t convolutions_ = 0, denses_ = 0, blocks_ = 0;
};

}  // namespace

std::size_t ParameterInfo::size() const {
  std::size_t product = 1;
  for (const auto extent : shape) product *= extent;
  return product;
}

std::vector<Shape> output_shapes(const NetworkSpec& spec) {
  if (spec.input.size() == 0) throw ShapeError("the network's input is empty; give it channels, height and width");
  const Dense* last = spec.layers.empty() ? nullptr : std::get_if<Dense>(&spec.layers.back());
  if (!last || last->relu) throw ShapeError("the last layer must be dense and without ReLU: its units are the classes");
  std::vector<Shape> shapes;
  Place at{0, spec.input, false};
  for (const auto& layer : spec.layers) {
    at.input = std::visit([&](const auto& known) { return output_of(known, at); }, layer);
    at.flat = at.flat || std::holds_alternative<Dense>(layer);
    ++at.index;
    shapes.push_back(at.input);
  }
  return shapes;
}

bool has_shortcut(const Residual& block, const Shape& input) {
  return block.stride != 1 || block.filters != input.channels;
}

std::vector<ParameterInfo> parameters(const NetworkSpec& spec) {
  const auto shapes = output_shapes(spec);
  std::vector<ParameterInfo> all;
  Namer namer(all);
  for (std::size_t i = 0; i < spec.layers.size(); ++i)
    std::visit([&](const auto& layer) { namer.add(layer, i ? shapes[i - 1] : spec.input, i); }, spec.layers[i]);
  return all;
}

std::size_t smallest_batch(const NetworkSpec& spec) {
  const auto shapes = output_shapes(spec);
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const bool normalised = std::holds_alternative<NormalisedConvolution>(spec.layers[i]) ||
                            std::holds_alternative<Residual>(spec.layers[i]);
    if (normalised && shapes[i].height * shapes[i].width == 1) return 2;
  }
  return 1;
}

std::size_t classes(const NetworkSpec& spec) { return output_shapes(spec).back().channels; }

}  // namespace sidestep::kernels
