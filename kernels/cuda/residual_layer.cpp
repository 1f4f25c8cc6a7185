#include <optional>

#include <sidestep/kernels/cuda/convolution.hpp>
#include <sidestep/kernels/cuda/elementwise.hpp>
#include <sidestep/kernels/cuda/layer.hpp>
#include <sidestep/kernels/cuda/normalisation.hpp>

namespace sidestep::kernels::cuda {
namespace {

/// Convolution without bias, batch normalisation, ReLU if asked: the brick of residual networks.
class Branch {
 public:
  /// Takes five tensors: the convolution's weight, and the normalisation's four.
  Branch(const LayerPlace& place, const std::string& name, const ConvolutionShape& shape,
         std::span<const TensorPlace> tensors, bool relu, bool input_gradient, Role linear, Role linear_gradient,
         Role statistics)
      : context_(place.context),
        weight_(tensors[0]),
        norm_{tensors[1].values, tensors[2].values,   tensors[3].values,
              tensors[4].values, tensors[1].gradient, tensors[2].gradient},
        relu_(relu),
        training_(place.training),
        count_(shape.batch * shape.output().size()),
        convolution_(place.context, place.bench, name, shape, place.training, input_gradient),
        normalisation_(place.context, shape.batch, shape.output()),
        linear_(place.bench.take(place.index, linear, count_)),
        linear_gradient_(place.training ? place.bench.take(place.index, linear_gradient, count_) : nullptr),
        saved_(place.bench.take(place.index, statistics, 2 * shape.filters)) {}

  std::size_t count() const { return count_; }

  void forward(const float* input, float* output) {
    convolution_.forward(input, weight_.values, linear_);
    if (training_)
      normalisation_.train(linear_, norm_, saved_, output);
    else
      normalisation_.infer(linear_, norm_, output);
    if (relu_) relu(output, count_, context_.stream);
  }

  void backward(const float* input, const float* output, float* output_gradient, float* input_gradient) {
    if (relu_) relu_backward(output, output_gradient, count_, context_.stream);
    normalisation_.backward(linear_, output_gradient, norm_, saved_, linear_gradient_);
    convolution_.backward_filter(input, linear_gradient_, weight_.gradient);
    if (input_gradient) convolution_.backward_data(weight_.values, linear_gradient_, input_gradient);
  }

 private:
  const Context& context_;
  TensorPlace weight_;
  NormalisationTensors norm_;
  bool relu_, training_;
  std::size_t count_;
  CudnnConvolution convolution_;
  BatchNormalisation normalisation_;
  float* linear_;
  float* linear_gradient_;
  float* saved_;
};

class NormalisedConvolutionLayer final : public Layer {
 public:
  NormalisedConvolutionLayer(const NormalisedConvolution& spec, const LayerPlace& place)
      : branch_(place, place.name, {place.batch, place.input, spec.filters, spec.kernel, spec.stride}, place.tensors,
                spec.relu, place.index > 0, Role::linear, Role::linear_gradient, Role::statistics) {}

  void forward(const float* input, float* output) override { branch_.forward(input, output); }
  void backward(const float* input, const float* output, float* output_gradient, float* input_gradient) override {
    branch_.backward(input, output, output_gradient, input_gradient);
  }

 private:
  Branch branch_;
};

/// ReLU(second(first(x)) + shortcut(x)).
class ResidualLayer final : public Layer {
 public:
  ResidualLayer(const Residual& spec, const LayerPlace& place)
      : context_(place.context),
        input_count_(place.batch * place.input.size()),
        first_(place, place.name + ".conv1", {place.batch, place.input, spec.filters, 3, spec.stride},
               place.tensors.subspan(0, 5), true, place.index > 0, Role::linear, Role::linear_gradient,
               Role::statistics),
        second_(place, place.name + ".conv2", {place.batch, place.output, spec.filters, 3, 1},
                place.tensors.subspan(5, 5), false, true, Role::second, Role::second_gradient, Role::second_statistics),
        middle_(place.bench.take(place.index, Role::middle, first_.count())) {
    if (has_shortcut(spec, place.input)) {
      shortcut_.emplace(place, place.name + ".shortcut",
                        ConvolutionShape{place.batch, place.input, spec.filters, 1, spec.stride},
                        place.tensors.subspan(10, 5), false, place.index > 0, Role::shortcut_linear,
                        Role::shortcut_gradient, Role::shortcut_statistics);
      short_ = place.bench.take(place.index, Role::shortcut, first_.count());
    }
    if (!place.training) return;
    middle_gradient_ = place.bench.take(place.index, Role::middle_gradient, first_.count());
    if (shortcut_ && place.index > 0) input_part_ = place.bench.take(place.index, Role::parts, input_count_);
  }

  void forward(const float* input, float* output) override {
    first_.forward(input, middle_);
    second_.forward(middle_, output);
    if (shortcut_) shortcut_->forward(input, short_);
    add_relu(output, shortcut_ ? short_ : input, output, first_.count(), context_.stream);
  }

  void backward(const float* input, const float* output, float* output_gradient, float* input_gradient) override {
    relu_backward(output, output_gradient, first_.count(), context_.stream);
    // output_gradient goes down both branches; neither branch has a ReLU at its end, so neither changes it
    second_.backward(middle_, nullptr, output_gradient, middle_gradient_);
    first_.backward(input, middle_, middle_gradient_, input_gradient);
    if (shortcut_) shortcut_->backward(input, nullptr, output_gradient, input_gradient ? input_part_ : nullptr);
    if (input_gradient)
      add(input_gradient, shortcut_ ? input_part_ : output_gradient, input_gradient, input_count_, context_.stream);
  }

 private:
  const Context& context_;
  std::size_t input_count_;
  Branch first_, second_;
  std::optional<Branch> shortcut_;
  float* middle_;
  float* middle_gradient_ = nullptr;
  float* short_ = nullptr;
  float* input_part_ = nullptr;  ///< the shortcut's share of the input's gradient
};

}  // namespace

std::unique_ptr<Layer> make_layer(const NormalisedConvolution& spec, const LayerPlace& place) {
  return std::make_unique<NormalisedConvolutionLayer>(spec, place);
}

std::unique_ptr<Layer> make_layer(const Residual& spec, const LayerPlace& place) {
  return std::make_unique<ResidualLayer>(spec, place);
}

}  // namespace sidestep::kernels::cuda
