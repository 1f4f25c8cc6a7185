#include <sidestep/kernels/cuda/pooling.hpp>

#include <sidestep/kernels/cuda/convolution.hpp>

namespace sidestep::kernels::cuda {
MaxPooling::MaxPooling(const Context& context, std::size_t batch, const Shape& input)
    : context_(context), x_(nhwc(batch, input)), y_(nhwc(batch, {input.channels, input.height / 2, input.width / 2})) {
  cudnnPoolingDescriptor_t pooling{};
  SIDESTEP_CHECK(cudnnCreatePoolingDescriptor(&pooling));
  pooling_ = PoolingDescriptor(pooling);
  SIDESTEP_CHECK(
      cudnnSetPooling2dDescriptor(pooling, CUDNN_POOLING_MAX_DETERMINISTIC, CUDNN_PROPAGATE_NAN, 2, 2, 0, 0, 2, 2));
}

void MaxPooling::forward(const float* x, float* y) const {
  SIDESTEP_CHECK(cudnnPoolingForward(context_.cudnn, pooling_, &one, x_, x, &zero, y_, y));
}

void MaxPooling::backward(const float* x, const float* y, const float* dy, float* dx) const {
  SIDESTEP_CHECK(cudnnPoolingBackward(context_.cudnn, pooling_, &one, y_, y, y_, dy, x_, x, &zero, x_, dx));
}

}  // namespace sidestep::kernels::cuda
