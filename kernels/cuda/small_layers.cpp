#include <sidestep/kernels/cuda/dropout.hpp>
#include <sidestep/kernels/cuda/layer.hpp>
#include <sidestep/kernels/cuda/mean_pooling.hpp>

namespace sidestep::kernels::cuda {
namespace {

class MeanPoolingLayer final : public Layer {
 public:
  explicit MeanPoolingLayer(const LayerPlace& place)
      : stream_(place.context.stream),
        batch_(place.batch),
        plane_(static_cast<std::uint32_t>(place.input.height * place.input.width)),
        channels_(static_cast<std::uint32_t>(place.input.channels)) {}

  void forward(const float* input, float* output) override {
    mean_pooling(input, batch_, plane_, channels_, output, stream_);
  }
  void backward(const float*, const float*, float* output_gradient, float* input_gradient) override {
    if (input_gradient) mean_pooling_backward(output_gradient, batch_, plane_, channels_, input_gradient, stream_);
  }

 private:
  cudaStream_t stream_;
  std::uint32_t batch_, plane_, channels_;
};

class DropoutLayer final : public Layer {
 public:
  DropoutLayer(const Dropout& spec, const LayerPlace& place)
      : stream_(place.context.stream),
        step_(place.step),
        count_(place.batch * place.input.size()),
        layer_(static_cast<std::uint32_t>(place.index)),
        rate_(place.training ? spec.rate : 0.0f) {}

  void forward(const float* input, float* output) override {
    dropout(input, output, count_, rate_, layer_, step_, stream_);
  }
  void backward(const float*, const float*, float* output_gradient, float* input_gradient) override {
    if (input_gradient) dropout(output_gradient, input_gradient, count_, rate_, layer_, step_, stream_);
  }

 private:
  cudaStream_t stream_;
  const DeviceStep* step_;
  std::size_t count_;
  std::uint32_t layer_;
  float rate_;
};

}  // namespace

std::unique_ptr<Layer> make_layer(const GlobalAveragePool&, const LayerPlace& place) {
  return std::make_unique<MeanPoolingLayer>(place);
}

std::unique_ptr<Layer> make_layer(const Dropout& spec, const LayerPlace& place) {
  return std::make_unique<DropoutLayer>(spec, place);
}

std::unique_ptr<Layer> make_layer(const LayerSpec& spec, const LayerPlace& place) {
  return std::visit([&](const auto& known) { return make_layer(known, place); }, spec);
}

}  // namespace sidestep::kernels::cuda
