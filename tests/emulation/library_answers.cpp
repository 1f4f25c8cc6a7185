#include <cublasLt.h>
#include <cudnn.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include <sidestep/kernels/network.hpp>
#include <sidestep/trainer/models/model.hpp>

/// Asks a cuDNN and a cuBLASLt everything that they answer without a device, and prints the answers. Built twice: with
/// the stand-ins, and with the real libraries where they are installed; a test compares the two outputs. Exit code 1:
/// the library's shapes of some model's layers aren't ours.

namespace {

using namespace sidestep;

/// A descriptor's creation and end.
template <class T, auto Create, auto Destroy>
struct Made {
  T value{};
  Made() { Create(&value); }
  ~Made() { Destroy(value); }
  Made(const Made&) = delete;
  operator T() const { return value; }
};
using Tensor = Made<cudnnTensorDescriptor_t, cudnnCreateTensorDescriptor, cudnnDestroyTensorDescriptor>;
using Filter = Made<cudnnFilterDescriptor_t, cudnnCreateFilterDescriptor, cudnnDestroyFilterDescriptor>;
using Convolution =
    Made<cudnnConvolutionDescriptor_t, cudnnCreateConvolutionDescriptor, cudnnDestroyConvolutionDescriptor>;
using Pooling = Made<cudnnPoolingDescriptor_t, cudnnCreatePoolingDescriptor, cudnnDestroyPoolingDescriptor>;

constexpr auto floats = CUDNN_DATA_FLOAT;
constexpr auto nhwc = CUDNN_TENSOR_NHWC;

// ---- the layers of our models

bool agree = true;

void compare(const std::string& what, const kernels::Shape& ours, cudnnStatus_t status, const std::array<int, 4>& got) {
  const bool same = status == CUDNN_STATUS_SUCCESS && std::size_t(got[1]) == ours.channels &&
                    std::size_t(got[2]) == ours.height && std::size_t(got[3]) == ours.width;
  std::printf("%s: status %d, %dx%dx%dx%d\n", what.c_str(), status, got[0], got[1], got[2], got[3]);
  if (same) return;
  agree = false;
  std::fprintf(stderr, "%s: the library says %dx%dx%d (status %d), we say %zux%zux%zu\n", what.c_str(), got[1], got[2],
               got[3], status, ours.channels, ours.height, ours.width);
}

void tensor(const Tensor& t, int batch, const kernels::Shape& s) {
  cudnnSetTensor4dDescriptor(t, nhwc, floats, batch, int(s.channels), int(s.height), int(s.width));
}

kernels::Shape convolve(const std::string& what, int batch, const kernels::Shape& in, std::size_t filters,
                        std::size_t kernel, std::size_t stride) {
  const Tensor x;
  const Filter w;
  const Convolution c;
  tensor(x, batch, in);
  cudnnSetFilter4dDescriptor(w, floats, nhwc, int(filters), int(in.channels), int(kernel), int(kernel));
  cudnnSetConvolution2dDescriptor(c, int(kernel / 2), int(kernel / 2), int(stride), int(stride), 1, 1,
                                  CUDNN_CROSS_CORRELATION, floats);
  std::array<int, 4> y{};
  const auto status = cudnnGetConvolution2dForwardOutputDim(c, x, w, &y[0], &y[1], &y[2], &y[3]);
  const kernels::Shape out{filters, (in.height - 1) / stride + 1, (in.width - 1) / stride + 1};
  compare(what, out, status, y);
  // Its normalisation has one value a channel.
  const Tensor derived;
  cudnnDataType_t type{};
  std::array<int, 8> d{};
  tensor(x, batch, out);
  cudnnDeriveBNTensorDescriptor(derived, x, CUDNN_BATCHNORM_SPATIAL);
  cudnnGetTensor4dDescriptor(derived, &type, &d[0], &d[1], &d[2], &d[3], &d[4], &d[5], &d[6], &d[7]);
  compare(what + ", normalised", {filters, 1, 1}, CUDNN_STATUS_SUCCESS, {d[0], d[1], d[2], d[3]});
  return out;
}

kernels::Shape pool(const std::string& what, int batch, const kernels::Shape& in, cudnnPoolingMode_t mode, int window_h,
                    int window_w, const kernels::Shape& out) {
  const Tensor x;
  const Pooling p;
  tensor(x, batch, in);
  cudnnSetPooling2dDescriptor(p, mode, CUDNN_PROPAGATE_NAN, window_h, window_w, 0, 0, window_h, window_w);
  std::array<int, 4> y{};
  const auto status = cudnnGetPooling2dForwardOutputDim(p, x, &y[0], &y[1], &y[2], &y[3]);
  compare(what, out, status, y);
  return out;
}

struct Layer {
  std::string what;
  int batch;
  kernels::Shape in, out;

  void operator()(const kernels::Convolution& l) const {
    const auto full = convolve(what + " convolution", batch, in, l.filters, l.kernel, 1);
    pool(what + " max pooling", batch, full, CUDNN_POOLING_MAX_DETERMINISTIC, 2, 2, out);
  }
  void operator()(const kernels::NormalisedConvolution& l) const {
    convolve(what + " convolution", batch, in, l.filters, l.kernel, l.stride);
  }
  void operator()(const kernels::Residual& l) const {
    const auto first = convolve(what + " first convolution", batch, in, l.filters, 3, l.stride);
    convolve(what + " second convolution", batch, first, l.filters, 3, 1);
    if (kernels::has_shortcut(l, in)) convolve(what + " shortcut", batch, in, l.filters, 1, l.stride);
  }
  void operator()(const kernels::GlobalAveragePool&) const {
    pool(what + " mean pooling", batch, in, CUDNN_POOLING_AVERAGE_COUNT_EXCLUDE_PADDING, int(in.height), int(in.width),
         out);
  }
  void operator()(const kernels::Dense&) const {}
  void operator()(const kernels::Dropout&) const {}
};

void models() {
  for (const auto name : model_names())
    for (const kernels::Shape& input : {kernels::Shape{1, 28, 28}, kernels::Shape{3, 32, 32}}) {
      const auto spec = model_named(name).network(input);
      const auto shapes = kernels::output_shapes(spec);
      for (int batch : {1, 64}) {
        kernels::Shape in = input;
        for (std::size_t i = 0; i < spec.layers.size(); ++i) {
          const auto what = std::string(name) + ", batch " + std::to_string(batch) + ", layer " + std::to_string(i);
          std::visit(Layer{what, batch, in, shapes[i]}, spec.layers[i]);
          in = shapes[i];
        }
      }
    }
}

// ---- descriptors with whatever arguments. After a refusal the real library's descriptor holds something of both, and
// using it may divide by zero: so each gets a new one, and only what was accepted is looked at.

std::mt19937 numbers(4711);
int number(int low, int high) { return std::uniform_int_distribution<int>(low, high)(numbers); }
/// Mostly a sensible size, sometimes none.
int size() { return number(0, 19) ? number(1, 40) : number(-2, 0); }

void tensors() {
  for (int i = 0; i < 400; ++i) {
    const Tensor t;
    const std::array<int, 4> s{size(), size(), size(), size()};
    const auto format = static_cast<cudnnTensorFormat_t>(number(0, 1));
    auto set = cudnnSetTensor4dDescriptor(t, format, floats, s[0], s[1], s[2], s[3]);
    std::printf("tensor %d: %d\n", i, set);
    if (number(0, 3) == 0) {
      std::array<int, 4> strides{};
      for (auto& stride : strides) stride = number(0, 9) ? number(1, 3000) : 0;
      set = cudnnSetTensor4dDescriptorEx(t, floats, s[0], s[1], s[2], s[3], strides[0], strides[1], strides[2],
                                         strides[3]);
      std::printf("tensor %d with strides: %d\n", i, set);
    }
    const auto mode = static_cast<cudnnBatchNormMode_t>(number(0, 2));
    if (set != CUDNN_STATUS_SUCCESS) continue;
    cudnnDataType_t type{};
    std::array<int, 8> d{};
    const auto got = cudnnGetTensor4dDescriptor(t, &type, &d[0], &d[1], &d[2], &d[3], &d[4], &d[5], &d[6], &d[7]);
    std::size_t bytes = 0;
    cudnnGetTensorSizeInBytes(t, &bytes);
    std::printf("tensor %d has: %d, type %d, %zu bytes,", i, got, type, bytes);
    for (int value : d) std::printf(" %d", value);
    std::printf("\n");
    const Tensor derived;
    const auto made = cudnnDeriveBNTensorDescriptor(derived, t, mode);
    cudnnGetTensor4dDescriptor(derived, &type, &d[0], &d[1], &d[2], &d[3], &d[4], &d[5], &d[6], &d[7]);
    std::printf("tensor %d normalised: %d, type %d,", i, made, type);
    for (int value : d) std::printf(" %d", value);
    std::printf("\n");
  }
}

void convolutions() {
  for (int i = 0; i < 600; ++i) {
    const Tensor x;
    const Filter w;
    const Convolution c;
    const int channels = number(1, 8);
    const auto a = cudnnSetTensor4dDescriptor(x, nhwc, floats, number(1, 9), channels, size(), size());
    const auto b =
        cudnnSetFilter4dDescriptor(w, floats, nhwc, size(), number(0, 9) ? channels : 3, number(-1, 11), number(1, 11));
    const auto d = cudnnSetConvolution2dDescriptor(c, number(-1, 9), number(0, 9), number(0, 4), number(1, 4),
                                                   number(0, 3), number(1, 3), CUDNN_CROSS_CORRELATION, floats);
    const auto m = cudnnSetConvolutionMathType(c, static_cast<cudnnMathType_t>(number(0, 5)));
    std::printf("convolution %d: tensor %d filter %d convolution %d math %d\n", i, a, b, d, m);
    if (a != CUDNN_STATUS_SUCCESS || b != CUDNN_STATUS_SUCCESS || d != CUDNN_STATUS_SUCCESS) continue;
    cudnnMathType_t math{};
    cudnnGetConvolutionMathType(c, &math);
    std::array<int, 4> y{};
    const auto status = cudnnGetConvolution2dForwardOutputDim(c, x, w, &y[0], &y[1], &y[2], &y[3]);
    if (status != CUDNN_STATUS_SUCCESS) y = {};
    std::printf("convolution %d: math %d output %d: %dx%dx%dx%d\n", i, math, status, y[0], y[1], y[2], y[3]);
  }
}

void poolings() {
  for (int i = 0; i < 600; ++i) {
    const Tensor x;
    const Pooling p;
    cudnnSetTensor4dDescriptor(x, nhwc, floats, number(1, 9), number(1, 9), number(1, 40), number(1, 40));
    const auto set = cudnnSetPooling2dDescriptor(p, static_cast<cudnnPoolingMode_t>(number(0, 4)),
                                                 static_cast<cudnnNanPropagation_t>(number(0, 9) / 9 * 2), size(),
                                                 number(1, 9), number(0, 5), number(0, 5), number(0, 4), number(1, 4));
    std::printf("pooling %d: %d\n", i, set);
    if (set != CUDNN_STATUS_SUCCESS) continue;
    std::array<int, 4> y{};
    const auto status = cudnnGetPooling2dForwardOutputDim(p, x, &y[0], &y[1], &y[2], &y[3]);
    if (status != CUDNN_STATUS_SUCCESS) y = {};
    std::printf("pooling %d: output %d: %dx%dx%dx%d\n", i, status, y[0], y[1], y[2], y[3]);
  }
}

void nothing_given() {
  std::printf("null: %d", cudnnCreateTensorDescriptor(nullptr));
  std::printf(" %d", cudnnSetTensor4dDescriptor(nullptr, nhwc, floats, 1, 1, 1, 1));
  std::printf(" %d %d", cudnnDestroyTensorDescriptor(nullptr), cudnnDestroyFilterDescriptor(nullptr));
  std::printf(" %d %d", cudnnDestroyConvolutionDescriptor(nullptr), cudnnDestroyPoolingDescriptor(nullptr));
  std::printf(" %d %d", cudnnCreate(nullptr), cudnnSetStream(nullptr, nullptr));
  const Tensor t, u;
  const Filter f;
  const Convolution c;
  const Pooling p;
  int n = 0;
  std::printf(" unset: %d", cudnnGetConvolution2dForwardOutputDim(c, t, f, &n, &n, &n, &n));
  std::printf(" %d %d\n", cudnnGetPooling2dForwardOutputDim(p, t, &n, &n, &n, &n),
              cudnnDeriveBNTensorDescriptor(u, t, CUDNN_BATCHNORM_SPATIAL));
  for (const int status : {0, 1001, 2000, 2002, 2003, 2006, 2008, 3000, 3002, 3004, 4000, 4003, 5000, 7})
    std::printf("%d is %s\n", status, cudnnGetErrorString(static_cast<cudnnStatus_t>(status)));
}

// ---- cuBLASLt

template <class T>
void matrix_attribute(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t attribute, T value) {
  const auto set = cublasLtMatrixLayoutSetAttribute(layout, attribute, &value, sizeof value);
  const auto wrong = cublasLtMatrixLayoutSetAttribute(layout, attribute, &value, sizeof value / 2);
  T back{};
  std::size_t written = 0, size = 0;
  const auto got = cublasLtMatrixLayoutGetAttribute(layout, attribute, &back, sizeof back, &written);
  const auto asked = cublasLtMatrixLayoutGetAttribute(layout, attribute, nullptr, 0, &size);
  std::printf("matrix attribute %d: %d %d %d %lld %zu, %d %zu\n", attribute, set, wrong, got, (long long)back, written,
              asked, size);
}

template <class T>
void product_attribute(cublasLtMatmulDesc_t product, cublasLtMatmulDescAttributes_t attribute, T value) {
  T back{};
  std::size_t written = 0, size = 0;
  const auto before = cublasLtMatmulDescGetAttribute(product, attribute, &back, sizeof back, &written);
  const auto was = (long long)back;
  const auto set = cublasLtMatmulDescSetAttribute(product, attribute, &value, sizeof value);
  const auto wrong = cublasLtMatmulDescSetAttribute(product, attribute, &value, sizeof value / 2);
  const auto got = cublasLtMatmulDescGetAttribute(product, attribute, &back, sizeof back, &written);
  const auto asked = cublasLtMatmulDescGetAttribute(product, attribute, nullptr, 0, &size);
  std::printf("product attribute %d: %d (%lld) %d %d %d %lld %zu, %d %zu\n", attribute, before, was, set, wrong, got,
              (long long)back, written, asked, size);
}

void matrices() {
  cublasLtMatrixLayout_t layout{};
  std::printf("matrix: %d %d\n", cublasLtMatrixLayoutCreate(nullptr, CUDA_R_32F, 3, 4, 3),
              cublasLtMatrixLayoutCreate(&layout, CUDA_R_32F, 3, 4, 2));
  matrix_attribute(layout, CUBLASLT_MATRIX_LAYOUT_TYPE, std::uint32_t{1});
  matrix_attribute(layout, CUBLASLT_MATRIX_LAYOUT_ORDER, std::int32_t{1});
  matrix_attribute(layout, CUBLASLT_MATRIX_LAYOUT_ROWS, std::uint64_t{0});
  matrix_attribute(layout, CUBLASLT_MATRIX_LAYOUT_COLS, std::uint64_t{17});
  matrix_attribute(layout, CUBLASLT_MATRIX_LAYOUT_LD, std::int64_t{-3});
  matrix_attribute(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, std::int32_t{2});
  matrix_attribute(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, std::int64_t{77});
  int value = 0;
  std::printf("no matrix: %d %d\n", cublasLtMatrixLayoutSetAttribute(nullptr, CUBLASLT_MATRIX_LAYOUT_ORDER, &value, 4),
              cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_ORDER, nullptr, 4));
  cublasLtMatrixLayoutDestroy(layout);

  cublasLtMatmulDesc_t product{};
  std::printf("product: %d %d\n", cublasLtMatmulDescCreate(nullptr, CUBLAS_COMPUTE_32F, CUDA_R_32F),
              cublasLtMatmulDescCreate(&product, CUBLAS_COMPUTE_32F, CUDA_R_32F));
  product_attribute(product, CUBLASLT_MATMUL_DESC_COMPUTE_TYPE, std::int32_t{CUBLAS_COMPUTE_32F_PEDANTIC});
  product_attribute(product, CUBLASLT_MATMUL_DESC_SCALE_TYPE, std::int32_t{CUDA_R_32F});
  product_attribute(product, CUBLASLT_MATMUL_DESC_POINTER_MODE, std::int32_t{1});
  product_attribute(product, CUBLASLT_MATMUL_DESC_TRANSA, std::int32_t{9});
  product_attribute(product, CUBLASLT_MATMUL_DESC_TRANSB, std::int32_t{CUBLAS_OP_T});
  product_attribute(product, CUBLASLT_MATMUL_DESC_EPILOGUE, std::uint32_t{3});
  product_attribute(product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, std::uint64_t{48});
  product_attribute(product, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, std::uint64_t{64});
  product_attribute(product, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, std::int64_t{100});
  cublasLtMatmulDescDestroy(product);

  cublasLtMatmulPreference_t preference{};
  cublasLtMatmulPreferenceCreate(&preference);
  const std::uint64_t bytes = 1 << 20;
  const std::uint32_t mask = CUBLASLT_REDUCTION_SCHEME_NONE;
  std::printf("preference: %d %d %d\n",
              cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes, 8),
              cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes, 4),
              cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &mask, 4));
  cublasLtMatmulPreferenceDestroy(preference);
  std::printf("ends: %d %d %d %d %d\n", cublasLtMatrixLayoutDestroy(nullptr), cublasLtMatmulDescDestroy(nullptr),
              cublasLtMatmulPreferenceDestroy(nullptr), cublasLtDestroy(nullptr), cublasLtCreate(nullptr));
  for (const int status : {0, 1, 3, 7, 8, 11, 13, 14, 15, 16, 99})
    std::printf("%d is %s\n", status, cublasLtGetStatusName(static_cast<cublasStatus_t>(status)));
}

}  // namespace

int main() {
  models();
  tensors();
  convolutions();
  poolings();
  nothing_given();
  matrices();
  return agree ? 0 : 1;
}
