#include <sidestep/kernels/cuda/normalisation.hpp>

#include <sidestep/kernels/cuda/convolution.hpp>

namespace sidestep::kernels::cuda {
namespace {

// Not the persistent mode: it overflows for some inputs, and its sums' order depends on the device.
constexpr cudnnBatchNormMode_t mode = CUDNN_BATCHNORM_SPATIAL;

}  // namespace

BatchNormalisation::BatchNormalisation(const Context& context, std::size_t batch, const Shape& shape)
    : context_(context), channels_(shape.channels), x_(nhwc(batch, shape)) {
  cudnnTensorDescriptor_t channel{};
  SIDESTEP_CHECK(cudnnCreateTensorDescriptor(&channel));
  channel_ = TensorDescriptor(channel);
  SIDESTEP_CHECK(cudnnDeriveBNTensorDescriptor(channel, x_, mode));
}

void BatchNormalisation::train(const float* x, const NormalisationTensors& t, float* saved, float* y) const {
  SIDESTEP_CHECK(cudnnBatchNormalizationForwardTraining(
      context_.cudnn, mode, &one, &zero, x_, x, x_, y, channel_, t.weight, t.bias, double{norm_momentum},
      t.running_mean, t.running_variance, double{norm_epsilon}, saved, saved + channels_));
}

void BatchNormalisation::infer(const float* x, const NormalisationTensors& t, float* y) const {
  SIDESTEP_CHECK(cudnnBatchNormalizationForwardInference(context_.cudnn, mode, &one, &zero, x_, x, x_, y, channel_,
                                                         t.weight, t.bias, t.running_mean, t.running_variance,
                                                         double{norm_epsilon}));
}

void BatchNormalisation::backward(const float* x, const float* dy, const NormalisationTensors& t, const float* saved,
                                  float* dx) const {
  SIDESTEP_CHECK(cudnnBatchNormalizationBackward(context_.cudnn, mode, &one, &zero, &one, &zero, x_, x, x_, dy, x_, dx,
                                                 channel_, t.weight, t.weight_gradient, t.bias_gradient,
                                                 double{norm_epsilon}, saved, saved + channels_));
}

}  // namespace sidestep::kernels::cuda
