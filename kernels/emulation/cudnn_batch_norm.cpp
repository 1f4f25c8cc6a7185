#include <cmath>

#include <sidestep/kernels/emulation/cudnn_types.hpp>

/// Batch normalisation of each channel over images and pixels (Ioffe and Szegedy, 2015). All sums are made in double
/// precision, in one order.

namespace sidestep::emulation::cudnn {
namespace {

template <class Visit>
void for_each_pixel(const Sizes& size, Visit&& visit) {
  for (int n = 0; n < size[0]; ++n)
    for (int h = 0; h < size[2]; ++h)
      for (int w = 0; w < size[3]; ++w) visit(n, h, w);
}

/// The channels of one pixel; channel c stands at at[c * step].
template <class Value>
struct Pixels {
  Value* data;
  const cudnnTensorStruct& layout;
  Value* operator()(int n, int h, int w) const {
    return data + std::ptrdiff_t{n} * layout.stride[0] + std::ptrdiff_t{h} * layout.stride[2] +
           std::ptrdiff_t{w} * layout.stride[3];
  }
  std::ptrdiff_t step() const { return layout.stride[1]; }
};

struct Moments {
  std::vector<double> mean, variance;  ///< variance: divided by the count
};

Moments moments(const cudnnTensorStruct& layout, const float* x) {
  const auto channels = static_cast<std::size_t>(layout.size[1]);
  const double count = static_cast<double>(layout.elements() / channels);
  const Pixels<const float> pixel{x, layout};
  const auto step = pixel.step();
  Moments m{std::vector<double>(channels), std::vector<double>(channels)};
  for_each_pixel(layout.size, [&](int n, int h, int w) {
    const float* from = pixel(n, h, w);
    for (std::size_t c = 0; c < channels; ++c) m.mean[c] += from[std::ptrdiff_t(c) * step];
  });
  for (auto& mean : m.mean) mean /= count;
  for_each_pixel(layout.size, [&](int n, int h, int w) {
    const float* from = pixel(n, h, w);
    for (std::size_t c = 0; c < channels; ++c) {
      const double d = from[std::ptrdiff_t(c) * step] - m.mean[c];
      m.variance[c] += d * d;
    }
  });
  for (auto& variance : m.variance) variance /= count;
  return m;
}

/// y = x * factor + offset, for each channel.
void scale(const cudnnTensorStruct& xt, const float* x, const cudnnTensorStruct& yt, float* y,
           const std::vector<double>& factor, const std::vector<double>& offset, const Blend& blend) {
  const Pixels<const float> from{x, xt};
  const Pixels<float> to{y, yt};
  for_each_pixel(xt.size, [&](int n, int h, int w) {
    const float* in = from(n, h, w);
    float* out = to(n, h, w);
    for (std::size_t c = 0; c < factor.size(); ++c) {
      float& target = out[std::ptrdiff_t(c) * to.step()];
      target = blend(static_cast<float>(in[std::ptrdiff_t(c) * from.step()] * factor[c] + offset[c]), target);
    }
  });
}

cudnnStatus_t check(const char* call, cudnnBatchNormMode_t mode, const cudnnTensorStruct& x, const cudnnTensorStruct& y,
                    const cudnnTensorStruct& parameters, double epsilon) {
  if (mode == CUDNN_BATCHNORM_PER_ACTIVATION)
    return refuse(CUDNN_STATUS_NOT_SUPPORTED, call, "the emulation normalises channels only");
  if (mode != CUDNN_BATCHNORM_SPATIAL && mode != CUDNN_BATCHNORM_SPATIAL_PERSISTENT)
    return refuse(CUDNN_STATUS_BAD_PARAM, call, "unknown mode");
  if (x.size != y.size) return refuse(CUDNN_STATUS_BAD_PARAM, call, "input and output differ in shape");
  if (parameters.size != Sizes{1, x.size[1], 1, 1})
    return refuse(CUDNN_STATUS_BAD_PARAM, call, "scale and bias aren't 1xCx1x1");
  if (!(epsilon >= CUDNN_BN_MIN_EPSILON))
    return refuse(CUDNN_STATUS_BAD_PARAM, call, "epsilon is smaller than CUDNN_BN_MIN_EPSILON");
  return check_float(call, {&x, &y, &parameters});
}

const float* floats(const void* p) { return static_cast<const float*>(p); }
float* floats(void* p) { return static_cast<float*>(p); }

}  // namespace
}  // namespace sidestep::emulation::cudnn

using namespace sidestep::emulation;
using namespace sidestep::emulation::cudnn;

cudnnStatus_t cudnnDeriveBNTensorDescriptor(cudnnTensorDescriptor_t derived, const cudnnTensorDescriptor_t x,
                                            cudnnBatchNormMode_t mode) {
  if (!derived || !x || !x->set || mode < CUDNN_BATCHNORM_PER_ACTIVATION || mode > CUDNN_BATCHNORM_SPATIAL_PERSISTENT)
    return refuse(CUDNN_STATUS_BAD_PARAM, __func__, "a descriptor is null or isn't set, or the mode is unknown");
  const auto type = x->type == CUDNN_DATA_DOUBLE ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT;
  const Sizes size = mode == CUDNN_BATCHNORM_PER_ACTIVATION ? Sizes{1, x->size[1], x->size[2], x->size[3]}
                                                            : Sizes{1, x->size[1], 1, 1};
  *derived = {true, type, size, dense_strides(CUDNN_TENSOR_NCHW, size)};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBatchNormalizationForwardTraining(cudnnHandle_t handle, cudnnBatchNormMode_t mode, const void* alpha,
                                                     const void* beta, const cudnnTensorDescriptor_t x_descriptor,
                                                     const void* x, const cudnnTensorDescriptor_t y_descriptor, void* y,
                                                     const cudnnTensorDescriptor_t parameters, const void* scale_factor,
                                                     const void* bias, double average_factor, void* running_mean,
                                                     void* running_variance, double epsilon, void* saved_mean,
                                                     void* saved_inverse_deviation) {
  if (const auto s = check_call(__func__, handle, {alpha, beta, x, y, scale_factor, bias},
                                {x_descriptor, y_descriptor, parameters}))
    return s;
  if (const auto s = check(__func__, mode, *x_descriptor, *y_descriptor, *parameters, epsilon)) return s;
  if (!running_mean != !running_variance || !saved_mean != !saved_inverse_deviation)
    return refuse(CUDNN_STATUS_BAD_PARAM, __func__, "mean and variance have to be both null, or neither");
  const Blend blend = blend_of(alpha, beta);
  std::vector<Region> regions;
  add_regions(regions, "x", x, *x_descriptor, Region::Kind::read);
  add_regions(regions, "bnScale", scale_factor, *parameters, Region::Kind::read);
  add_regions(regions, "bnBias", bias, *parameters, Region::Kind::read);
  add_regions(regions, "y", y, *y_descriptor, output_kind(blend));
  const auto running = average_factor == 1.0 ? Region::Kind::write : Region::Kind::update;
  if (running_mean) {
    add_regions(regions, "resultRunningMean", running_mean, *parameters, running);
    add_regions(regions, "resultRunningVariance", running_variance, *parameters, running);
  }
  if (saved_mean) {
    add_regions(regions, "resultSaveMean", saved_mean, *parameters, Region::Kind::write);
    add_regions(regions, "resultSaveInvVariance", saved_inverse_deviation, *parameters, Region::Kind::write);
  }
  return submit(handle, __func__, std::move(regions), [=, xt = *x_descriptor, yt = *y_descriptor] {
    const Moments m = moments(xt, floats(x));
    const auto channels = m.mean.size();
    const double count = static_cast<double>(xt.elements() / channels);
    // The running variance is the unbiased one: divided by count - 1 (by 1 where there is but one value).
    const double unbiased = count > 1.0 ? count / (count - 1.0) : 1.0;
    const auto average = [&](float before, double now) {
      if (average_factor == 1.0) return static_cast<float>(now);  // what was there isn't read
      return static_cast<float>((1.0 - average_factor) * before + average_factor * now);
    };
    std::vector<double> factor(channels), offset(channels);
    for (std::size_t c = 0; c < channels; ++c) {
      const double inverse = 1.0 / std::sqrt(m.variance[c] + epsilon);
      factor[c] = floats(scale_factor)[c] * inverse;
      offset[c] = floats(bias)[c] - m.mean[c] * factor[c];
      if (running_mean) {
        floats(running_mean)[c] = average(floats(running_mean)[c], m.mean[c]);
        floats(running_variance)[c] = average(floats(running_variance)[c], m.variance[c] * unbiased);
      }
      if (saved_mean) {
        floats(saved_mean)[c] = static_cast<float>(m.mean[c]);
        floats(saved_inverse_deviation)[c] = static_cast<float>(inverse);
      }
    }
    scale(xt, floats(x), yt, floats(y), factor, offset, blend);
  });
}

cudnnStatus_t cudnnBatchNormalizationForwardInference(cudnnHandle_t handle, cudnnBatchNormMode_t mode,
                                                      const void* alpha, const void* beta,
                                                      const cudnnTensorDescriptor_t x_descriptor, const void* x,
                                                      const cudnnTensorDescriptor_t y_descriptor, void* y,
                                                      const cudnnTensorDescriptor_t parameters,
                                                      const void* scale_factor, const void* bias, const void* mean,
                                                      const void* variance, double epsilon) {
  if (const auto s = check_call(__func__, handle, {alpha, beta, x, y, scale_factor, bias, mean, variance},
                                {x_descriptor, y_descriptor, parameters}))
    return s;
  if (const auto s = check(__func__, mode, *x_descriptor, *y_descriptor, *parameters, epsilon)) return s;
  const Blend blend = blend_of(alpha, beta);
  std::vector<Region> regions;
  add_regions(regions, "x", x, *x_descriptor, Region::Kind::read);
  add_regions(regions, "bnScale", scale_factor, *parameters, Region::Kind::read);
  add_regions(regions, "bnBias", bias, *parameters, Region::Kind::read);
  add_regions(regions, "estimatedMean", mean, *parameters, Region::Kind::read);
  add_regions(regions, "estimatedVariance", variance, *parameters, Region::Kind::read);
  add_regions(regions, "y", y, *y_descriptor, output_kind(blend));
  return submit(handle, __func__, std::move(regions), [=, xt = *x_descriptor, yt = *y_descriptor] {
    const auto channels = static_cast<std::size_t>(xt.size[1]);
    std::vector<double> factor(channels), offset(channels);
    for (std::size_t c = 0; c < channels; ++c) {
      factor[c] = floats(scale_factor)[c] / std::sqrt(floats(variance)[c] + epsilon);
      offset[c] = floats(bias)[c] - floats(mean)[c] * factor[c];
    }
    scale(xt, floats(x), yt, floats(y), factor, offset, blend);
  });
}

cudnnStatus_t cudnnBatchNormalizationBackward(cudnnHandle_t handle, cudnnBatchNormMode_t mode, const void* alpha_data,
                                              const void* beta_data, const void* alpha_parameters,
                                              const void* beta_parameters, const cudnnTensorDescriptor_t x_descriptor,
                                              const void* x, const cudnnTensorDescriptor_t dy_descriptor,
                                              const void* dy, const cudnnTensorDescriptor_t dx_descriptor, void* dx,
                                              const cudnnTensorDescriptor_t parameters, const void* scale_factor,
                                              void* dscale, void* dbias, double epsilon, const void* saved_mean,
                                              const void* saved_inverse_deviation) {
  if (const auto s =
          check_call(__func__, handle,
                     {alpha_data, beta_data, alpha_parameters, beta_parameters, x, dy, dx, scale_factor, dscale, dbias},
                     {x_descriptor, dy_descriptor, dx_descriptor, parameters}))
    return s;
  if (const auto s = check(__func__, mode, *x_descriptor, *dy_descriptor, *parameters, epsilon)) return s;
  if (const auto s = check(__func__, mode, *x_descriptor, *dx_descriptor, *parameters, epsilon)) return s;
  if (!saved_mean != !saved_inverse_deviation)
    return refuse(CUDNN_STATUS_BAD_PARAM, __func__, "mean and deviation have to be both null, or neither");
  const Blend data = blend_of(alpha_data, beta_data), sums = blend_of(alpha_parameters, beta_parameters);
  std::vector<Region> regions;
  add_regions(regions, "x", x, *x_descriptor, Region::Kind::read);
  add_regions(regions, "dy", dy, *dy_descriptor, Region::Kind::read);
  add_regions(regions, "bnScale", scale_factor, *parameters, Region::Kind::read);
  if (saved_mean) {
    add_regions(regions, "savedMean", saved_mean, *parameters, Region::Kind::read);
    add_regions(regions, "savedInvVariance", saved_inverse_deviation, *parameters, Region::Kind::read);
  }
  add_regions(regions, "dx", dx, *dx_descriptor, output_kind(data));
  add_regions(regions, "dBnScaleResult", dscale, *parameters, output_kind(sums));
  add_regions(regions, "dBnBiasResult", dbias, *parameters, output_kind(sums));
  return submit(
      handle, __func__, std::move(regions), [=, xt = *x_descriptor, dyt = *dy_descriptor, dxt = *dx_descriptor] {
        const auto channels = static_cast<std::size_t>(xt.size[1]);
        const double count = static_cast<double>(xt.elements() / channels);
        std::vector<double> mean(channels), inverse(channels), bias_sum(channels), scale_sum(channels);
        if (saved_mean) {
          std::copy_n(floats(saved_mean), channels, mean.begin());
          std::copy_n(floats(saved_inverse_deviation), channels, inverse.begin());
        } else {
          const Moments m = moments(xt, floats(x));
          mean = m.mean;
          for (std::size_t c = 0; c < channels; ++c) inverse[c] = 1.0 / std::sqrt(m.variance[c] + epsilon);
        }
        const Pixels<const float> in{floats(x), xt}, gradient{floats(dy), dyt};
        const Pixels<float> out{floats(dx), dxt};
        for_each_pixel(xt.size, [&](int n, int h, int w) {
          const float *a = in(n, h, w), *g = gradient(n, h, w);
          for (std::size_t c = 0; c < channels; ++c) {
            const double d = g[std::ptrdiff_t(c) * gradient.step()];
            bias_sum[c] += d;
            scale_sum[c] += d * (a[std::ptrdiff_t(c) * in.step()] - mean[c]) * inverse[c];
          }
        });
        // dx = scale * inverse * (dy - mean(dy) - xhat * mean(dy * xhat))
        for_each_pixel(xt.size, [&](int n, int h, int w) {
          const float *a = in(n, h, w), *g = gradient(n, h, w);
          float* to = out(n, h, w);
          for (std::size_t c = 0; c < channels; ++c) {
            const double normal = (a[std::ptrdiff_t(c) * in.step()] - mean[c]) * inverse[c];
            const double result =
                floats(scale_factor)[c] * inverse[c] *
                (g[std::ptrdiff_t(c) * gradient.step()] - bias_sum[c] / count - normal * scale_sum[c] / count);
            float& target = to[std::ptrdiff_t(c) * out.step()];
            target = data(static_cast<float>(result), target);
          }
        });
        for (std::size_t c = 0; c < channels; ++c) {
          floats(dscale)[c] = sums(static_cast<float>(scale_sum[c]), floats(dscale)[c]);
          floats(dbias)[c] = sums(static_cast<float>(bias_sum[c]), floats(dbias)[c]);
        }
      });
}
