#include <sidestep/kernels/network.hpp>

#include <fmt/format.h>

#include <sidestep/kernels/error.hpp>

namespace sidestep::kernels {
namespace {

Shape output_of(const Convolution& layer, Shape input, std::size_t index, bool after_dense) {
  if (after_dense)
    throw ShapeError(fmt::format("layer {}: a convolution cannot follow a dense layer; put convolutions first", index));
  if (layer.filters == 0) throw ShapeError(fmt::format("layer {}: a convolution needs at least one filter", index));
  if (layer.kernel % 2 == 0)
    throw ShapeError(fmt::format("layer {}: the kernel is {} wide; it must be odd, so that padding keeps the size",
                                 index, layer.kernel));
  if (input.height % 2 != 0 || input.width % 2 != 0)
    throw ShapeError(
        fmt::format("layer {}: 2x2 pooling needs even sides, the input is {} x {}", index, input.height, input.width));
  return {layer.filters, input.height / 2, input.width / 2};
}

Shape output_of(const Dense& layer, Shape, std::size_t index, bool) {
  if (layer.units == 0) throw ShapeError(fmt::format("layer {}: a dense layer needs at least one unit", index));
  return {layer.units, 1, 1};
}

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
  bool after_dense = false;
  Shape shape = spec.input;
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    shape = std::visit([&](const auto& layer) { return output_of(layer, shape, i, after_dense); }, spec.layers[i]);
    after_dense = std::holds_alternative<Dense>(spec.layers[i]);
    shapes.push_back(shape);
  }
  return shapes;
}

std::vector<ParameterInfo> parameters(const NetworkSpec& spec) {
  const auto shapes = output_shapes(spec);
  std::vector<ParameterInfo> all;
  std::size_t convolutions = 0, denses = 0;
  Shape input = spec.input;
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    if (const auto* convolution = std::get_if<Convolution>(&spec.layers[i])) {
      const auto name = fmt::format("conv{}", ++convolutions);
      const auto k = convolution->kernel;
      const auto fan_in = input.channels * k * k;
      all.push_back({name + ".weight", {convolution->filters, input.channels, k, k}, i, fan_in});
      all.push_back({name + ".bias", {convolution->filters}, i, fan_in});
    } else {
      const auto units = std::get<Dense>(spec.layers[i]).units;
      const auto name = fmt::format("dense{}", ++denses);
      all.push_back({name + ".weight", {units, input.size()}, i, input.size()});
      all.push_back({name + ".bias", {units}, i, input.size()});
    }
    input = shapes[i];
  }
  return all;
}

std::size_t classes(const NetworkSpec& spec) { return output_shapes(spec).back().channels; }

}  // namespace sidestep::kernels
