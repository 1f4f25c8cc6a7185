#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>

#include <sidestep/kernels/emulation/cudnn_types.hpp>

namespace sidestep::emulation::cudnn {
namespace {

/// Where one output's window lies in the input, padding left out.
struct Window {
  int top, bottom, left, right;  ///< bottom and right excluded
  int height() const { return bottom - top; }
  int width() const { return right - left; }
};

Sizes pooling_output(const cudnnPoolingStruct& p, const Sizes& x) {
  const auto along = [](int size, int window, int pad, int stride) {
    const int room = size + 2 * pad - window;
    return room < 0 ? 0 : room / stride + 1;
  };
  return {x[0], x[1], along(x[2], p.window_h, p.pad_h, p.stride_h), along(x[3], p.window_w, p.pad_w, p.stride_w)};
}

bool is_max(const cudnnPoolingStruct& p) {
  return p.mode == CUDNN_POOLING_MAX || p.mode == CUDNN_POOLING_MAX_DETERMINISTIC;
}

/// Calls visit(n, row, column, window) for each place of the output, in one fixed order.
template <class Visit>
void for_each_window(const cudnnPoolingStruct& p, const Sizes& x, const Sizes& y, Visit&& visit) {
  for (int n = 0; n < y[0]; ++n)
    for (int row = 0; row < y[2]; ++row)
      for (int column = 0; column < y[3]; ++column) {
        const int top = row * p.stride_h - p.pad_h, left = column * p.stride_w - p.pad_w;
        visit(n, row, column,
              Window{std::max(top, 0), std::min(top + p.window_h, x[2]), std::max(left, 0),
                     std::min(left + p.window_w, x[3])});
      }
}

std::ptrdiff_t at(const cudnnTensorStruct& t, int n, int row, int column) {
  return std::ptrdiff_t{n} * t.stride[0] + std::ptrdiff_t{row} * t.stride[2] + std::ptrdiff_t{column} * t.stride[3];
}

/// True if `value` takes the place of `best`. The first of equal values stays: windows are walked through row by row.
/// Without branches, so that loops over channels become vector instructions.
bool beats(float value, float best, bool propagate_nan) {
  return (value > best) | (propagate_nan & (value != value) & (best == best));
}

/// Calls use(step) with the distance between a pixel's channels: a constant where it is one, as in NHWC.
template <class Use>
void with_step(const cudnnTensorStruct& tensor, Use&& use) {
  if (tensor.stride[1] == 1 || tensor.size[1] == 1)
    use(std::integral_constant<std::ptrdiff_t, 1>{});
  else
    use(std::ptrdiff_t{tensor.stride[1]});
}

float divisor(const cudnnPoolingStruct& p, const Window& window) {
  const int count = p.mode == CUDNN_POOLING_AVERAGE_COUNT_INCLUDE_PADDING ? p.window_h * p.window_w
                                                                          : window.height() * window.width();
  return static_cast<float>(std::max(count, 1));
}

void forward(const cudnnPoolingStruct& p, const cudnnTensorStruct& xt, const float* x, const cudnnTensorStruct& yt,
             float* y, const Blend& blend) {
  const std::ptrdiff_t channels = xt.size[1];
  const bool propagate = p.nan == CUDNN_PROPAGATE_NAN, max = is_max(p);
  std::vector<float> result(static_cast<std::size_t>(channels));
  float* const r = result.data();
  with_step(xt, [&](auto step) {
    for_each_window(p, xt.size, yt.size, [&](int n, int row, int column, const Window& window) {
      std::fill(result.begin(), result.end(), max ? -std::numeric_limits<float>::infinity() : 0.0f);
      for (int h = window.top; h < window.bottom; ++h)
        for (int w = window.left; w < window.right; ++w) {
          const float* from = x + at(xt, n, h, w);
          if (max)
            for (std::ptrdiff_t c = 0; c < channels; ++c) {
              const float value = from[c * step];
              r[c] = beats(value, r[c], propagate) ? value : r[c];
            }
          else
            for (std::ptrdiff_t c = 0; c < channels; ++c) r[c] += from[c * step];
        }
      const float scale = max ? 1.0f : divisor(p, window);
      float* to = y + at(yt, n, row, column);
      for (std::ptrdiff_t c = 0; c < channels; ++c) {
        float& out = to[c * yt.stride[1]];
        out = blend(r[c] / scale, out);
      }
    });
  });
}

void backward(const cudnnPoolingStruct& p, const cudnnTensorStruct& xt, const float* x, const cudnnTensorStruct& dyt,
              const float* dy, const cudnnTensorStruct& dxt, float* dx, const Blend& blend) {
  const std::ptrdiff_t images = xt.size[0], channels = xt.size[1], height = xt.size[2], width = xt.size[3];
  const bool propagate = p.nan == CUDNN_PROPAGATE_NAN, max = is_max(p);
  // An image's gradient is gathered in NHWC and blended at the end, since windows may overlap.
  std::vector<float> gradient(static_cast<std::size_t>(images * height * width * channels));
  const auto pixel = [=](int n, int h, int w) { return (n * height + h) * width + w; };
  std::vector<float> best(static_cast<std::size_t>(channels));
  std::vector<std::int32_t> place(static_cast<std::size_t>(channels));
  float *const g = gradient.data(), *const b = best.data();
  std::int32_t* const where = place.data();
  with_step(xt, [&](auto step) {
    for_each_window(p, xt.size, dyt.size, [&](int n, int row, int column, const Window& window) {
      if (window.height() <= 0 || window.width() <= 0) return;
      const float* from_dy = dy + at(dyt, n, row, column);
      if (!max) {
        const float scale = divisor(p, window);
        for (int h = window.top; h < window.bottom; ++h)
          for (int w = window.left; w < window.right; ++w) {
            float* to = g + pixel(n, h, w) * channels;
            for (std::ptrdiff_t c = 0; c < channels; ++c) to[c] += from_dy[c * dyt.stride[1]] / scale;
          }
        return;
      }
      std::fill(best.begin(), best.end(), -std::numeric_limits<float>::infinity());
      std::fill(place.begin(), place.end(), static_cast<std::int32_t>(pixel(n, window.top, window.left)));
      for (int h = window.top; h < window.bottom; ++h)
        for (int w = window.left; w < window.right; ++w) {
          const float* from = x + at(xt, n, h, w);
          const auto here = static_cast<std::int32_t>(pixel(n, h, w));
          for (std::ptrdiff_t c = 0; c < channels; ++c) {
            const float value = from[c * step];
            const bool better = beats(value, b[c], propagate);
            b[c] = better ? value : b[c];
            where[c] = better ? here : where[c];
          }
        }
      for (std::ptrdiff_t c = 0; c < channels; ++c) g[where[c] * channels + c] += from_dy[c * dyt.stride[1]];
    });
  });
  for (int n = 0; n < images; ++n)
    for (int h = 0; h < height; ++h)
      for (int w = 0; w < width; ++w) {
        const float* from = g + pixel(n, h, w) * channels;
        float* to = dx + at(dxt, n, h, w);
        for (std::ptrdiff_t c = 0; c < channels; ++c) {
          float& out = to[c * dxt.stride[1]];
          out = blend(from[c], out);
        }
      }
}

cudnnStatus_t check(const char* call, const cudnnPoolingStruct* pooling, const cudnnTensorStruct& x,
                    const cudnnTensorStruct& y) {
  if (!pooling || !pooling->set) return refuse(CUDNN_STATUS_BAD_PARAM, call, "the pooling descriptor isn't set");
  if (pooling->pad_h < 0 || pooling->pad_w < 0) return refuse(CUDNN_STATUS_BAD_PARAM, call, "a padding is negative");
  const Sizes wanted = pooling_output(*pooling, x.size);
  if (wanted != y.size || wanted[2] == 0 || wanted[3] == 0)
    return refuse(CUDNN_STATUS_BAD_PARAM, call, "the output's shape isn't what pooling makes of the input's");
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace
}  // namespace sidestep::emulation::cudnn

using namespace sidestep::emulation;
using namespace sidestep::emulation::cudnn;

cudnnStatus_t cudnnCreatePoolingDescriptor(cudnnPoolingDescriptor_t* descriptor) {
  if (!descriptor) return refuse(CUDNN_STATUS_BAD_PARAM, __func__, "descriptor is null");
  *descriptor = new cudnnPoolingStruct;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyPoolingDescriptor(cudnnPoolingDescriptor_t descriptor) {
  delete descriptor;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetPooling2dDescriptor(cudnnPoolingDescriptor_t descriptor, cudnnPoolingMode_t mode,
                                          cudnnNanPropagation_t nan, int window_h, int window_w, int pad_h, int pad_w,
                                          int stride_h, int stride_w) {
  if (!descriptor) return refuse(CUDNN_STATUS_BAD_PARAM, __func__, "descriptor is null");
  if (window_h <= 0 || window_w <= 0) return refuse(CUDNN_STATUS_BAD_PARAM, __func__, "a window isn't positive");
  if (stride_h <= 0 || stride_w <= 0) return refuse(CUDNN_STATUS_BAD_PARAM, __func__, "a stride isn't positive");
  if (mode < CUDNN_POOLING_MAX || mode > CUDNN_POOLING_MAX_DETERMINISTIC)
    return refuse(CUDNN_STATUS_BAD_PARAM, __func__, "unknown mode");
  if (nan != CUDNN_NOT_PROPAGATE_NAN && nan != CUDNN_PROPAGATE_NAN)
    return refuse(CUDNN_STATUS_BAD_PARAM, __func__, "unknown treatment of NaN");
  *descriptor = {true, mode, nan, window_h, window_w, pad_h, pad_w, stride_h, stride_w};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetPooling2dDescriptor(const cudnnPoolingDescriptor_t descriptor, cudnnPoolingMode_t* mode,
                                          cudnnNanPropagation_t* nan, int* window_h, int* window_w, int* pad_h,
                                          int* pad_w, int* stride_h, int* stride_w) {
  if (!descriptor || !mode || !nan || !window_h || !window_w || !pad_h || !pad_w || !stride_h || !stride_w)
    return refuse(CUDNN_STATUS_BAD_PARAM, __func__, "an argument is null");
  *mode = descriptor->mode;
  *nan = descriptor->nan;
  *window_h = descriptor->window_h;
  *window_w = descriptor->window_w;
  *pad_h = descriptor->pad_h;
  *pad_w = descriptor->pad_w;
  *stride_h = descriptor->stride_h;
  *stride_w = descriptor->stride_w;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetPooling2dForwardOutputDim(const cudnnPoolingDescriptor_t pooling, const cudnnTensorDescriptor_t x,
                                                int* n, int* c, int* h, int* w) {
  if (!pooling || !pooling->set || !x || !x->set || !n || !c || !h || !w)
    return refuse(CUDNN_STATUS_BAD_PARAM, __func__, "an argument is null or isn't set");
  const Sizes y = pooling_output(*pooling, x->size);
  const std::array<int*, 4> out{n, c, h, w};
  for (int i = 0; i < 4; ++i) *out[i] = y[i];
  if (y[2] <= 0 || y[3] <= 0)
    return refuse(CUDNN_STATUS_BAD_PARAM, __func__, "the window is larger than the padded input");
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnPoolingForward(cudnnHandle_t handle, const cudnnPoolingDescriptor_t pooling, const void* alpha,
                                  const cudnnTensorDescriptor_t x_descriptor, const void* x, const void* beta,
                                  const cudnnTensorDescriptor_t y_descriptor, void* y) {
  if (const auto s = check_call(__func__, handle, {alpha, x, beta, y}, {x_descriptor, y_descriptor})) return s;
  if (const auto s = check(__func__, pooling, *x_descriptor, *y_descriptor)) return s;
  if (const auto s = check_float(__func__, {x_descriptor, y_descriptor})) return s;
  const Blend blend = blend_of(alpha, beta);
  std::vector<Region> regions;
  add_regions(regions, "x", x, *x_descriptor, Region::Kind::read);
  add_regions(regions, "y", y, *y_descriptor, output_kind(blend));
  return submit(handle, __func__, std::move(regions), [=, p = *pooling, xt = *x_descriptor, yt = *y_descriptor] {
    forward(p, xt, static_cast<const float*>(x), yt, static_cast<float*>(y), blend);
  });
}

cudnnStatus_t cudnnPoolingBackward(cudnnHandle_t handle, const cudnnPoolingDescriptor_t pooling, const void* alpha,
                                   const cudnnTensorDescriptor_t y_descriptor, const void* y,
                                   const cudnnTensorDescriptor_t dy_descriptor, const void* dy,
                                   const cudnnTensorDescriptor_t x_descriptor, const void* x, const void* beta,
                                   const cudnnTensorDescriptor_t dx_descriptor, void* dx) {
  const auto tensors = {y_descriptor, dy_descriptor, x_descriptor, dx_descriptor};
  if (const auto s = check_call(__func__, handle, {alpha, y, dy, x, beta, dx},
                                {y_descriptor, dy_descriptor, x_descriptor, dx_descriptor}))
    return s;
  if (const auto s = check(__func__, pooling, *x_descriptor, *y_descriptor)) return s;
  if (dy_descriptor->size != y_descriptor->size || dx_descriptor->size != x_descriptor->size)
    return refuse(CUDNN_STATUS_BAD_PARAM, __func__, "a gradient hasn't the shape of what it belongs to");
  for (const auto* tensor : tensors)
    if (const auto s = check_float(__func__, {tensor})) return s;
  const Blend blend = blend_of(alpha, beta);
  std::vector<Region> regions;
  add_regions(regions, "y", y, *y_descriptor, Region::Kind::read);
  add_regions(regions, "dy", dy, *dy_descriptor, Region::Kind::read);
  add_regions(regions, "x", x, *x_descriptor, Region::Kind::read);
  add_regions(regions, "dx", dx, *dx_descriptor, output_kind(blend));
  return submit(handle, __func__, std::move(regions),
                [=, p = *pooling, xt = *x_descriptor, dyt = *dy_descriptor, dxt = *dx_descriptor] {
                  backward(p, xt, static_cast<const float*>(x), dyt, static_cast<const float*>(dy), dxt,
                           static_cast<float*>(dx), blend);
                });
}
