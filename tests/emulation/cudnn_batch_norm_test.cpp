#include <limits>

#include "emulation/library_support.hpp"

namespace sidestep::test {
namespace {

constexpr double epsilon = 1e-5;

/// Batch normalisation of n x c x h x w values, channels last, by the formulas of Ioffe and Szegedy (2015) in double
/// precision.
struct Reference {
  int pixels, channels;
  Doubles mean, variance;

  Reference(const Floats& x, int channels)
      : pixels(int(x.size()) / channels), channels(channels), mean(channels), variance(channels) {
    for (std::size_t i = 0; i < x.size(); ++i) mean[i % channels] += double(x[i]) / pixels;
    for (std::size_t i = 0; i < x.size(); ++i)
      variance[i % channels] += (x[i] - mean[i % channels]) * (x[i] - mean[i % channels]) / pixels;
  }
  double inverse(int c) const { return 1.0 / std::sqrt(variance[c] + epsilon); }
  double normal(const Floats& x, std::size_t i) const {
    const int c = int(i % channels);
    return (x[i] - mean[c]) * inverse(c);
  }
};

class CudnnBatchNorm : public testing::Test {
 protected:
  void describe(int n, int c, int h, int w, cudnnTensorFormat_t format = CUDNN_TENSOR_NHWC) {
    CUDNN_OK(cudnnSetStream(handle, stream));
    CUDNN_OK(cudnnSetTensor4dDescriptor(x, format, CUDNN_DATA_FLOAT, n, c, h, w));
    CUDNN_OK(cudnnDeriveBNTensorDescriptor(parameters, x, CUDNN_BATCHNORM_SPATIAL));
  }

  Cudnn handle;
  Stream stream;
  Tensor x, parameters;
};

TEST_F(CudnnBatchNorm, TrainsByTheFormulas) {
  std::mt19937 random(23);
  for (int i = 0; i < 20; ++i) {
    SCOPED_TRACE(i);
    const int n = between(random, 2, 7), c = between(random, 1, 13), h = between(random, 1, 9),
              w = between(random, 1, 9);
    const auto mode = i % 2 ? CUDNN_BATCHNORM_SPATIAL : CUDNN_BATCHNORM_SPATIAL_PERSISTENT;
    describe(n, c, h, w);
    Floats values = random_floats(random, std::size_t(n) * c * h * w);
    for (auto& value : values) value = 3.0f + 2.0f * value;  // a mean that isn't small
    const Floats scale = random_floats(random, c), bias = random_floats(random, c),
                 gradient = random_floats(random, values.size()), mean0 = random_floats(random, c),
                 variance0 = random_floats(random, c);
    const Reference wanted(values, c);
    const double factor = 0.1;

    const DeviceFloats dev_x(values), dev_scale(scale), dev_bias(bias), running_mean(mean0),
        running_variance(variance0), saved_mean(c), saved_inverse(c),
        y(values.size(), std::numeric_limits<float>::quiet_NaN());
    CUDNN_OK(cudnnBatchNormalizationForwardTraining(
        handle, mode, &one, &zero, x, dev_x.data(), x, y.data(), parameters, dev_scale.data(), dev_bias.data(), factor,
        running_mean.data(), running_variance.data(), epsilon, saved_mean.data(), saved_inverse.data()));
    Doubles wanted_y(values.size()), wanted_mean(c), wanted_variance(c), wanted_inverse(c);
    for (std::size_t j = 0; j < values.size(); ++j) wanted_y[j] = wanted.normal(values, j) * scale[j % c] + bias[j % c];
    for (int j = 0; j < c; ++j) {
      // cuDNN averages the unbiased variance, as PyTorch does
      const double unbiased = wanted.variance[j] * wanted.pixels / (wanted.pixels - 1);
      wanted_mean[j] = (1 - factor) * mean0[j] + factor * wanted.mean[j];
      wanted_variance[j] = (1 - factor) * variance0[j] + factor * unbiased;
      wanted_inverse[j] = wanted.inverse(j);
    }
    EXPECT_LE(distance(y.get(), wanted_y), 1e-5);
    EXPECT_LE(distance(running_mean.get(), wanted_mean), 1e-6);
    EXPECT_LE(distance(running_variance.get(), wanted_variance), 1e-6);
    EXPECT_LE(distance(saved_mean.get(), wanted.mean), 1e-6);
    EXPECT_LE(distance(saved_inverse.get(), wanted_inverse), 1e-6);

    Doubles dbias(c), dscale(c), dx(values.size());
    for (std::size_t j = 0; j < values.size(); ++j) {
      dbias[j % c] += gradient[j];
      dscale[j % c] += gradient[j] * wanted.normal(values, j);
    }
    for (std::size_t j = 0; j < values.size(); ++j)
      dx[j] = scale[j % c] * wanted.inverse(int(j % c)) *
              (gradient[j] - dbias[j % c] / wanted.pixels - wanted.normal(values, j) * dscale[j % c] / wanted.pixels);
    for (const bool saved : {true, false}) {
      const DeviceFloats dev_dy(gradient), dev_dx(values.size()), dev_dscale(c), dev_dbias(c);
      CUDNN_OK(cudnnBatchNormalizationBackward(
          handle, mode, &one, &zero, &one, &zero, x, dev_x.data(), x, dev_dy.data(), x, dev_dx.data(), parameters,
          dev_scale.data(), dev_dscale.data(), dev_dbias.data(), epsilon, saved ? saved_mean.data() : nullptr,
          saved ? saved_inverse.data() : nullptr));
      EXPECT_LE(distance(dev_dscale.get(), dscale), 1e-5);
      EXPECT_LE(distance(dev_dbias.get(), dbias), 1e-5);
      EXPECT_LE(distance(dev_dx.get(), dx), 2e-5);
    }
  }
}

TEST_F(CudnnBatchNorm, BlendsResultsWithWhatWasThere) {
  describe(2, 3, 2, 2);
  std::mt19937 random(5);
  const Floats values = random_floats(random, 24), gradient = random_floats(random, 24), before(24, 1.0f);
  const DeviceFloats dev_x(values), dev_dy(gradient), scale(3, 1.0f), bias(3, 0.0f), y(before), dx(before),
      dscale(3, 10.0f), dbias(3, 10.0f), plain_y(24), plain_dx(24), plain_dscale(3), plain_dbias(3);
  const float half = 0.5f, two = 2.0f;
  const auto forward = [&](const float* alpha, const float* beta, float* to) {
    return cudnnBatchNormalizationForwardTraining(handle, CUDNN_BATCHNORM_SPATIAL, alpha, beta, x, dev_x.data(), x, to,
                                                  parameters, scale.data(), bias.data(), 1.0, nullptr, nullptr, epsilon,
                                                  nullptr, nullptr);
  };
  const auto backward = [&](const float* alpha, const float* beta, float* to, float* to_scale, float* to_bias) {
    return cudnnBatchNormalizationBackward(handle, CUDNN_BATCHNORM_SPATIAL, alpha, beta, alpha, beta, x, dev_x.data(),
                                           x, dev_dy.data(), x, to, parameters, scale.data(), to_scale, to_bias,
                                           epsilon, nullptr, nullptr);
  };
  CUDNN_OK(forward(&one, &zero, plain_y.data()));
  CUDNN_OK(forward(&half, &two, y.data()));
  CUDNN_OK(backward(&one, &zero, plain_dx.data(), plain_dscale.data(), plain_dbias.data()));
  CUDNN_OK(backward(&half, &two, dx.data(), dscale.data(), dbias.data()));
  const auto expect = [](const Floats& got, const Floats& plain, float was) {
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_FLOAT_EQ(got[i], 0.5f * plain[i] + 2.0f * was);
  };
  expect(y.get(), plain_y.get(), 1.0f);
  expect(dx.get(), plain_dx.get(), 1.0f);
  expect(dscale.get(), plain_dscale.get(), 10.0f);
  expect(dbias.get(), plain_dbias.get(), 10.0f);
}

TEST_F(CudnnBatchNorm, WithAFactorOfOneForgetsWhatTheRunningStatisticsWere) {
  describe(4, 1, 1, 1);
  const DeviceFloats dev_x(Floats{1, 2, 3, 6}), scale(1, 1.0f), bias(1), y(4), mean(1, NAN), variance(1, NAN);
  CUDNN_OK(cudnnBatchNormalizationForwardTraining(handle, CUDNN_BATCHNORM_SPATIAL, &one, &zero, x, dev_x.data(), x,
                                                  y.data(), parameters, scale.data(), bias.data(), 1.0, mean.data(),
                                                  variance.data(), epsilon, nullptr, nullptr));
  EXPECT_FLOAT_EQ(mean.get()[0], 3.0f);
  EXPECT_FLOAT_EQ(variance.get()[0], 14.0f / 3.0f);
}

TEST_F(CudnnBatchNorm, InfersFromTheStatisticsItIsGiven) {
  describe(3, 5, 4, 7, CUDNN_TENSOR_NCHW);
  std::mt19937 random(29);
  const Floats values = random_floats(random, 3 * 5 * 28), scale = random_floats(random, 5),
               bias = random_floats(random, 5), mean = random_floats(random, 5);
  Floats variance = random_floats(random, 5);
  for (auto& value : variance) value = std::abs(value);
  const DeviceFloats dev_x(values), dev_scale(scale), dev_bias(bias), dev_mean(mean), dev_variance(variance),
      y(values.size());
  CUDNN_OK(cudnnBatchNormalizationForwardInference(handle, CUDNN_BATCHNORM_SPATIAL, &one, &zero, x, dev_x.data(), x,
                                                   y.data(), parameters, dev_scale.data(), dev_bias.data(),
                                                   dev_mean.data(), dev_variance.data(), epsilon));
  Doubles wanted(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto c = i / 28 % 5;
    wanted[i] = double(scale[c]) * (values[i] - mean[c]) / std::sqrt(variance[c] + epsilon) + bias[c];
  }
  EXPECT_LE(distance(y.get(), wanted), 1e-5);
}

TEST_F(CudnnBatchNorm, RefusesWhatItDoesNotKnow) {
  describe(2, 3, 2, 2);
  const DeviceFloats memory(100);
  float* m = memory.data();
  const auto run = [&](cudnnBatchNormMode_t mode, cudnnTensorDescriptor_t p, double eps, float* saved) {
    return cudnnBatchNormalizationForwardTraining(handle, mode, &one, &zero, x, m, x, m, p, m, m, 0.1, nullptr, nullptr,
                                                  eps, saved, nullptr);
  };
  EXPECT_EQ(run(CUDNN_BATCHNORM_SPATIAL, parameters, -1.0, nullptr), CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(run(CUDNN_BATCHNORM_SPATIAL, parameters, 1e-5, m), CUDNN_STATUS_BAD_PARAM) << "mean without deviation";
  EXPECT_EQ(run(CUDNN_BATCHNORM_SPATIAL, x, 1e-5, nullptr), CUDNN_STATUS_BAD_PARAM) << "parameters of another shape";
  EXPECT_EQ(run(CUDNN_BATCHNORM_PER_ACTIVATION, parameters, 1e-5, nullptr), CUDNN_STATUS_NOT_SUPPORTED);
}

}  // namespace
}  // namespace sidestep::test
