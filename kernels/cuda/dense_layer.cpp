#include <optional>

#include <sidestep/kernels/cuda/bias_gradient.hpp>
#include <sidestep/kernels/cuda/layer.hpp>
#include <sidestep/kernels/cuda/matmul.hpp>

namespace sidestep::kernels::cuda {
namespace {

/// y = x W^T + b, and ReLU, in one call of cuBLASLt with an epilogue. Row-major matrices are BLAS' transposed, so
/// forward is y' (units x batch) = W'^T (inputs x units) x' (inputs x batch).
class DenseLayer final : public Layer {
 public:
  DenseLayer(const Dense& spec, const LayerPlace& place)
      : context_(place.context),
        weight_(place.tensors[0]),
        bias_(place.tensors[1]),
        units_(static_cast<unsigned>(spec.units)),
        batch_(place.batch),
        relu_(spec.relu),
        forward_(place.context, place.bench,
                 {.m = spec.units,
                  .n = place.batch,
                  .k = place.input.size(),
                  .transpose_a = true,
                  .epilogue = spec.relu ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS}) {
    if (!place.training) return;
    // dW' (inputs x units) = x' dy'^T
    weight_gradient_.emplace(
        place.context, place.bench,
        MatmulShape{.m = place.input.size(), .n = spec.units, .k = place.batch, .transpose_b = true});
    // dx' (inputs x batch) = W' dy'
    if (place.index > 0)
      input_gradient_.emplace(place.context, place.bench,
                              MatmulShape{.m = place.input.size(), .n = place.batch, .k = spec.units});
    parts_ = place.bench.take(place.index, Role::parts, bias_gradient_parts(batch_) * spec.units);
  }

  void forward(const float* input, float* output) override {
    forward_.run(weight_.values, input, output, bias_.values);
  }

  void backward(const float* input, const float* output, float* output_gradient, float* input_gradient) override {
    bias_gradient(relu_ ? output : nullptr, output_gradient, batch_, units_, bias_.gradient, parts_, context_.stream);
    weight_gradient_->run(input, output_gradient, weight_.gradient);
    if (input_gradient) input_gradient_->run(weight_.values, output_gradient, input_gradient);
  }

 private:
  const Context& context_;
  TensorPlace weight_, bias_;
  unsigned units_;
  std::size_t batch_;
  bool relu_;
  Matmul forward_;
  std::optional<Matmul> weight_gradient_, input_gradient_;
  float* parts_ = nullptr;
};

}  // namespace

std::unique_ptr<Layer> make_layer(const Dense& spec, const LayerPlace& place) {
  return std::make_unique<DenseLayer>(spec, place);
}

}  // namespace sidestep::kernels::cuda
