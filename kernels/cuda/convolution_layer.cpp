#include <sidestep/kernels/cuda/bias_activation.hpp>
#include <sidestep/kernels/cuda/bias_gradient.hpp>
#include <sidestep/kernels/cuda/convolution.hpp>
#include <sidestep/kernels/cuda/layer.hpp>
#include <sidestep/kernels/cuda/pooling.hpp>

namespace sidestep::kernels::cuda {
namespace {

/// Convolution by cuDNN, bias and ReLU in place by hand, 2x2 max-pool by cuDNN. Backward the same way round.
class ConvolutionLayer final : public Layer {
 public:
  ConvolutionLayer(const Convolution& spec, const LayerPlace& place)
      : context_(place.context),
        weight_(place.tensors[0]),
        bias_(place.tensors[1]),
        full_{spec.filters, place.input.height, place.input.width},
        rows_(place.batch * full_.height * full_.width),
        convolution_(place.context, place.bench, place.name, {place.batch, place.input, spec.filters, spec.kernel, 1},
                     place.training, place.index > 0),
        pooling_(place.context, place.batch, full_),
        activated_(place.bench.take(place.index, Role::linear, rows_ * full_.channels)) {
    if (!place.training) return;
    gradient_ = place.bench.take(place.index, Role::linear_gradient, rows_ * full_.channels);
    parts_ = place.bench.take(place.index, Role::parts, bias_gradient_parts(rows_) * full_.channels);
  }

  void forward(const float* input, float* output) override {
    convolution_.forward(input, weight_.values, activated_);
    bias_activation(activated_, bias_.values, rows_, channels(), true, context_.stream);
    pooling_.forward(activated_, output);
  }

  void backward(const float* input, const float* output, float* output_gradient, float* input_gradient) override {
    pooling_.backward(activated_, output, output_gradient, gradient_);
    bias_gradient(activated_, gradient_, rows_, channels(), bias_.gradient, parts_, context_.stream);
    convolution_.backward_filter(input, gradient_, weight_.gradient);
    if (input_gradient) convolution_.backward_data(weight_.values, gradient_, input_gradient);
  }

 private:
  unsigned channels() const { return static_cast<unsigned>(full_.channels); }

  const Context& context_;
  TensorPlace weight_, bias_;
  Shape full_;        ///< before pooling
  std::size_t rows_;  ///< pixels of the batch
  CudnnConvolution convolution_;
  MaxPooling pooling_;
  float* activated_;
  float* gradient_ = nullptr;
  float* parts_ = nullptr;
};

}  // namespace

std::unique_ptr<Layer> make_layer(const Convolution& spec, const LayerPlace& place) {
  return std::make_unique<ConvolutionLayer>(spec, place);
}

}  // namespace sidestep::kernels::cuda
