#include <sidestep/kernels/cuda/plan.hpp>

#include <sidestep/kernels/cuda/softmax_cross_entropy.hpp>

namespace sidestep::kernels::cuda {
namespace {

/// "conv1" or "block2": what the names of the layer's tensors begin with.
std::vector<std::string> layer_names(const NetworkSpec& spec) {
  std::vector<std::string> names(spec.layers.size());
  for (const auto& info : parameters(spec))
    if (names[info.layer].empty()) names[info.layer] = info.name.substr(0, info.name.find('.'));
  return names;
}

}  // namespace

Plan::Plan(const NetworkSpec& spec, const Context& context, Workbench& bench, const Parameters& parameters,
           const DeviceStep* step, std::uint32_t batch, bool training)
    : stream_(context.stream), batch_(batch), classes_(static_cast<std::uint32_t>(classes(spec))), training_(training) {
  const auto shapes = output_shapes(spec);
  const auto names = layer_names(spec);
  const std::size_t count = spec.layers.size(), ends = count;  // the batch's own buffers stand behind the layers'
  activations_.push_back(bench.take(ends, Role::linear, batch * spec.input.size()));
  gradients_.push_back(nullptr);
  for (std::size_t i = 0; i < count; ++i) {
    activations_.push_back(bench.take(i, Role::output, batch * shapes[i].size()));
    gradients_.push_back(training ? bench.take(i, Role::output_gradient, batch * shapes[i].size()) : nullptr);
  }
  labels_ = bench.take<std::uint8_t>(ends, Role::labels, batch);
  parts_ = bench.take<LossPart>(ends, Role::parts, loss_parts(batch));
  if (training) indices_ = bench.take<std::uint32_t>(ends, Role::indices, (std::size_t{batch} + 3) / 4 * 4);
  for (std::size_t i = 0; i < count; ++i) {
    const auto tensors = parameters.of(i);
    layers_.push_back(make_layer(spec.layers[i], LayerPlace{.context = context,
                                                            .bench = bench,
                                                            .step = step,
                                                            .index = i,
                                                            .name = names[i],
                                                            .input = i ? shapes[i - 1] : spec.input,
                                                            .output = shapes[i],
                                                            .batch = batch,
                                                            .training = training,
                                                            .tensors = tensors}));
  }
  generation_ = bench.generation();
}

std::uint32_t Plan::part_count() const { return loss_parts(batch_); }

void Plan::load(const DeviceImages& data, const std::uint32_t* indices, std::uint32_t first) {
  normalise_input(data, indices, first, batch_, activations_[0], labels_, stream_);
}

void Plan::forward() {
  for (std::size_t i = 0; i < layers_.size(); ++i) layers_[i]->forward(activations_[i], activations_[i + 1]);
}

void Plan::loss() {
  softmax_cross_entropy(activations_.back(), labels_, batch_, classes_, training_ ? gradients_.back() : nullptr, parts_,
                        stream_);
}

void Plan::backward() {
  for (std::size_t i = layers_.size(); i-- > 0;)
    layers_[i]->backward(activations_[i], activations_[i + 1], gradients_[i + 1], gradients_[i]);
}

}  // namespace sidestep::kernels::cuda
