#include <sidestep/kernels/emulation/cudnn_convolution.hpp>

namespace sidestep::emulation::cudnn {

Sizes convolution_output(const cudnnConvolutionStruct& convolution, const Sizes& x, const Sizes& w) {
  const auto along = [](int size, int kernel, int pad, int stride, int dilation) {
    const int room = size + 2 * pad - ((kernel - 1) * dilation + 1);
    return room < 0 ? 0 : room / stride + 1;
  };
  return {x[0], w[0], along(x[2], w[2], convolution.pad_h, convolution.stride_h, convolution.dilation_h),
          along(x[3], w[3], convolution.pad_w, convolution.stride_w, convolution.dilation_w)};
}

cudnnStatus_t convolution_problem(const char* call, ConvolutionProblem::Kind kind, const cudnnTensorStruct* x,
                                  const cudnnFilterStruct* w, const cudnnConvolutionStruct* convolution,
                                  const cudnnTensorStruct* y, ConvolutionProblem& problem) {
  if (!x || !x->set || !y || !y->set || !w || !w->set || !convolution || !convolution->set)
    return refuse(CUDNN_STATUS_BAD_PARAM, call, "a descriptor is null or isn't set");
  if (x->type != w->type || x->type != y->type)
    return refuse(CUDNN_STATUS_BAD_PARAM, call, "input, filter and output are of different types");
  if (x->size[1] != w->size[1])
    return refuse(
        CUDNN_STATUS_BAD_PARAM, call,
        "the input has " + std::to_string(x->size[1]) + " channels and the filter wants " + std::to_string(w->size[1]));
  const Sizes wanted = convolution_output(*convolution, x->size, w->size);
  if (wanted != y->size || wanted[2] == 0 || wanted[3] == 0)
    return refuse(CUDNN_STATUS_BAD_PARAM, call,
                  "the output is " + std::to_string(y->size[0]) + "x" + std::to_string(y->size[1]) + "x" +
                      std::to_string(y->size[2]) + "x" + std::to_string(y->size[3]) + " and has to be " +
                      std::to_string(wanted[0]) + "x" + std::to_string(wanted[1]) + "x" + std::to_string(wanted[2]) +
                      "x" + std::to_string(wanted[3]));
  if (const auto status = check_float(call, {x, y})) return status;
  if (convolution->compute_type != CUDNN_DATA_FLOAT)
    return refuse(CUDNN_STATUS_NOT_SUPPORTED, call, "the emulation computes in float only");
  if (convolution->mode != CUDNN_CROSS_CORRELATION)
    return refuse(CUDNN_STATUS_NOT_SUPPORTED, call, "the emulation knows CUDNN_CROSS_CORRELATION only");
  if (w->format == CUDNN_TENSOR_NHWC && !(x->channels_last() && y->channels_last()))
    return refuse(CUDNN_STATUS_NOT_SUPPORTED, call, "an NHWC filter wants NHWC tensors");
  problem = {kind,
             x->size,
             x->stride,
             w->size,
             w->stride(),
             y->size,
             y->stride,
             {convolution->pad_h, convolution->pad_w},
             {convolution->stride_h, convolution->stride_w},
             {convolution->dilation_h, convolution->dilation_w}};
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace sidestep::emulation::cudnn

using namespace sidestep::emulation;
using cudnn::refuse;

cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t* descriptor) {
  if (!descriptor) return refuse(CUDNN_STATUS_BAD_PARAM, "cudnnCreateConvolutionDescriptor", "descriptor is null");
  *descriptor = new cudnnConvolutionStruct;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t descriptor) {
  delete descriptor;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t descriptor, int pad_h, int pad_w,
                                              int stride_h, int stride_w, int dilation_h, int dilation_w,
                                              cudnnConvolutionMode_t mode, cudnnDataType_t compute_type) {
  const char* call = "cudnnSetConvolution2dDescriptor";
  if (!descriptor) return refuse(CUDNN_STATUS_BAD_PARAM, call, "descriptor is null");
  if (pad_h < 0 || pad_w < 0) return refuse(CUDNN_STATUS_BAD_PARAM, call, "a padding is negative");
  if (stride_h <= 0 || stride_w <= 0) return refuse(CUDNN_STATUS_BAD_PARAM, call, "a stride isn't positive");
  if (dilation_h <= 0 || dilation_w <= 0) return refuse(CUDNN_STATUS_BAD_PARAM, call, "a dilation isn't positive");
  if (mode != CUDNN_CONVOLUTION && mode != CUDNN_CROSS_CORRELATION)
    return refuse(CUDNN_STATUS_BAD_PARAM, call, "unknown mode");
  if (compute_type != CUDNN_DATA_FLOAT && compute_type != CUDNN_DATA_DOUBLE && compute_type != CUDNN_DATA_HALF &&
      compute_type != CUDNN_DATA_INT32)
    return refuse(CUDNN_STATUS_BAD_PARAM, call, "no type to compute in");
  // The math type stays what it was, as in the real library.
  *descriptor = {true, pad_h, pad_w, stride_h, stride_w, dilation_h, dilation_w, mode, compute_type, descriptor->math};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolution2dDescriptor(const cudnnConvolutionDescriptor_t descriptor, int* pad_h, int* pad_w,
                                              int* stride_h, int* stride_w, int* dilation_h, int* dilation_w,
                                              cudnnConvolutionMode_t* mode, cudnnDataType_t* compute_type) {
  if (!descriptor || !pad_h || !pad_w || !stride_h || !stride_w || !dilation_h || !dilation_w || !mode || !compute_type)
    return refuse(CUDNN_STATUS_BAD_PARAM, "cudnnGetConvolution2dDescriptor", "an argument is null");
  *pad_h = descriptor->pad_h;
  *pad_w = descriptor->pad_w;
  *stride_h = descriptor->stride_h;
  *stride_w = descriptor->stride_w;
  *dilation_h = descriptor->dilation_h;
  *dilation_w = descriptor->dilation_w;
  *mode = descriptor->mode;
  *compute_type = descriptor->compute_type;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t descriptor, cudnnMathType_t type) {
  if (!descriptor || type < CUDNN_DEFAULT_MATH || type > CUDNN_FMA_MATH)
    return refuse(CUDNN_STATUS_BAD_PARAM, "cudnnSetConvolutionMathType", "descriptor is null or the type unknown");
  descriptor->math = type;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolutionMathType(cudnnConvolutionDescriptor_t descriptor, cudnnMathType_t* type) {
  if (!descriptor || !type)
    return refuse(CUDNN_STATUS_BAD_PARAM, "cudnnGetConvolutionMathType", "descriptor or type is null");
  *type = descriptor->math;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolution2dForwardOutputDim(const cudnnConvolutionDescriptor_t convolution,
                                                    const cudnnTensorDescriptor_t x, const cudnnFilterDescriptor_t w,
                                                    int* n, int* c, int* h, int* width) {
  const char* call = "cudnnGetConvolution2dForwardOutputDim";
  if (!convolution || !convolution->set || !x || !x->set || !w || !w->set || !n || !c || !h || !width)
    return refuse(CUDNN_STATUS_BAD_PARAM, call, "an argument is null or isn't set");
  cudnn::Sizes y{};
  const bool fits = x->size[1] == w->size[1];
  if (fits) y = cudnn::convolution_output(*convolution, x->size, w->size);
  const std::array<int*, 4> out{n, c, h, width};
  for (int i = 0; i < 4; ++i) *out[i] = y[i];
  if (!fits) return refuse(CUDNN_STATUS_BAD_PARAM, call, "the filter wants another number of channels");
  if (y[2] <= 0 || y[3] <= 0) return refuse(CUDNN_STATUS_BAD_PARAM, call, "the filter is larger than the padded input");
  return CUDNN_STATUS_SUCCESS;
}
