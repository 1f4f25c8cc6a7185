#include <algorithm>
#include <limits>

#include "emulation/library_support.hpp"

namespace sidestep::test {
namespace {

struct PoolingCase {
  int n, c, h, w, window_h, window_w, pad_h, pad_w, stride_h, stride_w;
  cudnnPoolingMode_t mode;
  cudnnTensorFormat_t format;
  float alpha, beta;

  int out_h() const { return (h + 2 * pad_h - window_h) / stride_h + 1; }
  int out_w() const { return (w + 2 * pad_w - window_w) / stride_w + 1; }
  Place x() const { return {format, c, h, w}; }
  Place y() const { return {format, c, out_h(), out_w()}; }
  std::size_t x_size() const { return std::size_t(n) * c * h * w; }
  std::size_t y_size() const { return std::size_t(n) * c * out_h() * out_w(); }
  bool is_max() const { return mode == CUDNN_POOLING_MAX || mode == CUDNN_POOLING_MAX_DETERMINISTIC; }

  /// Places in x that window (oh, ow) covers, row by row.
  std::vector<std::size_t> window(int image, int channel, int oh, int ow) const {
    std::vector<std::size_t> places;
    for (int i = 0; i < window_h; ++i)
      for (int j = 0; j < window_w; ++j) {
        const int row = oh * stride_h - pad_h + i, column = ow * stride_w - pad_w + j;
        if (row >= 0 && row < h && column >= 0 && column < w) places.push_back(x()(image, channel, row, column));
      }
    return places;
  }

  template <class Visit>
  void for_each_window(Visit&& visit) const {
    for (int image = 0; image < n; ++image)
      for (int channel = 0; channel < c; ++channel)
        for (int oh = 0; oh < out_h(); ++oh)
          for (int ow = 0; ow < out_w(); ++ow) visit(y()(image, channel, oh, ow), window(image, channel, oh, ow));
  }
};

class CudnnPooling : public testing::Test {
 protected:
  void describe(const PoolingCase& a, cudnnNanPropagation_t nan = CUDNN_PROPAGATE_NAN) {
    CUDNN_OK(cudnnSetStream(handle, stream));
    CUDNN_OK(cudnnSetTensor4dDescriptor(x, a.format, CUDNN_DATA_FLOAT, a.n, a.c, a.h, a.w));
    CUDNN_OK(cudnnSetTensor4dDescriptor(y, a.format, CUDNN_DATA_FLOAT, a.n, a.c, a.out_h(), a.out_w()));
    CUDNN_OK(cudnnSetPooling2dDescriptor(pooling, a.mode, nan, a.window_h, a.window_w, a.pad_h, a.pad_w, a.stride_h,
                                         a.stride_w));
  }
  void run(const PoolingCase& a, const Floats& from, const Floats& gradient, Floats& to, Floats& back) {
    const DeviceFloats dev_x(from), dev_dy(gradient), dev_y(to), dev_dx(back);
    CUDNN_OK(cudnnPoolingForward(handle, pooling, &a.alpha, x, dev_x.data(), &a.beta, y, dev_y.data()));
    CUDNN_OK(cudnnPoolingBackward(handle, pooling, &a.alpha, y, dev_y.data(), y, dev_dy.data(), x, dev_x.data(),
                                  &a.beta, x, dev_dx.data()));
    to = dev_y.get();
    back = dev_dx.get();
  }

  Cudnn handle;
  Stream stream;
  Tensor x, y;
  Pooling pooling;
};

TEST_F(CudnnPooling, OfRandomShapesIsTheMaximumOrMeanOfEachWindow) {
  std::mt19937 random(17);
  for (int i = 0; i < 60; ++i) {
    PoolingCase a{};
    a.n = between(random, 1, 4);
    a.c = between(random, 1, 11);
    a.h = between(random, 4, 13);
    a.w = between(random, 4, 13);
    a.window_h = between(random, 1, 4);
    a.window_w = between(random, 1, 4);
    a.stride_h = between(random, 1, 3);
    a.stride_w = between(random, 1, 3);
    a.pad_h = between(random, 0, a.window_h - 1);
    a.pad_w = between(random, 0, a.window_w - 1);
    a.mode = static_cast<cudnnPoolingMode_t>(between(random, 0, 3));
    a.format = between(random, 0, 3) ? CUDNN_TENSOR_NHWC : CUDNN_TENSOR_NCHW;
    a.alpha = between(random, 0, 1) ? 1.0f : 0.5f;
    a.beta = between(random, 0, 1) ? 0.0f : 2.0f;
    SCOPED_TRACE(testing::Message() << "case " << i << ", mode " << a.mode << ", format " << a.format);
    describe(a);
    const Floats from = random_floats(random, a.x_size()), gradient = random_floats(random, a.y_size());
    const auto poison = std::numeric_limits<float>::quiet_NaN();
    Floats to = a.beta == 0.0f ? Floats(a.y_size(), poison) : random_floats(random, a.y_size());
    Floats back = a.beta == 0.0f ? Floats(a.x_size(), poison) : random_floats(random, a.x_size());
    Doubles wanted(to.size()), wanted_back(back.size());
    if (a.beta != 0.0f) {
      for (std::size_t j = 0; j < to.size(); ++j) wanted[j] = double(a.beta) * to[j];
      for (std::size_t j = 0; j < back.size(); ++j) wanted_back[j] = double(a.beta) * back[j];
    }
    a.for_each_window([&](std::size_t out, const std::vector<std::size_t>& places) {
      if (a.is_max()) {
        auto best = places.front();
        for (auto place : places)
          if (from[place] > from[best]) best = place;
        wanted[out] += double(a.alpha) * from[best];
        wanted_back[best] += double(a.alpha) * gradient[out];
        return;
      }
      const double count = a.mode == CUDNN_POOLING_AVERAGE_COUNT_INCLUDE_PADDING ? double(a.window_h) * a.window_w
                                                                                 : double(places.size());
      for (auto place : places) {
        wanted[out] += double(a.alpha) * from[place] / count;
        wanted_back[place] += double(a.alpha) * gradient[out] / count;
      }
    });
    run(a, from, gradient, to, back);
    EXPECT_LE(distance(to, wanted), 1e-5);
    EXPECT_LE(distance(back, wanted_back), 1e-5);
  }
}

TEST_F(CudnnPooling, OfTheWholePlaneIsItsMean) {
  const PoolingCase a{3,    5,   8, 8, 8, 8, 0, 0, 1, 1, CUDNN_POOLING_AVERAGE_COUNT_EXCLUDE_PADDING, CUDNN_TENSOR_NHWC,
                      1.0f, 0.0f};
  describe(a);
  std::mt19937 random(2);
  const Floats from = random_floats(random, a.x_size()), gradient = random_floats(random, a.y_size());
  Floats to(a.y_size()), back(a.x_size());
  run(a, from, gradient, to, back);
  for (int n = 0; n < 3; ++n)
    for (int c = 0; c < 5; ++c) {
      double sum = 0;
      for (int i = 0; i < 8; ++i)
        for (int j = 0; j < 8; ++j) sum += from[a.x()(n, c, i, j)];
      EXPECT_NEAR(to[a.y()(n, c, 0, 0)], sum / 64, 1e-6);
      EXPECT_FLOAT_EQ(back[a.x()(n, c, 3, 5)], gradient[a.y()(n, c, 0, 0)] / 64);
    }
}

TEST_F(CudnnPooling, GivesTheGradientOfATieToTheFirstOfTheWindow) {
  const PoolingCase a{1, 1, 2, 4, 2, 2, 0, 0, 2, 2, CUDNN_POOLING_MAX_DETERMINISTIC, CUDNN_TENSOR_NHWC, 1.0f, 0.0f};
  describe(a);
  Floats to(2), back(8);
  run(a, {0, 3, 5, 5, 3, 0, 5, 5}, {7, 9}, to, back);
  EXPECT_EQ(to, (Floats{3, 5}));
  EXPECT_EQ(back, (Floats{0, 7, 9, 0, 0, 0, 0, 0}));
}

TEST_F(CudnnPooling, PassesNaNOnOnlyWhereAsked) {
  const PoolingCase a{1, 1, 2, 2, 2, 2, 0, 0, 2, 2, CUDNN_POOLING_MAX, CUDNN_TENSOR_NHWC, 1.0f, 0.0f};
  const Floats from{1, NAN, 2, 0};
  Floats to(1), back(4);
  describe(a, CUDNN_PROPAGATE_NAN);
  run(a, from, {1}, to, back);
  EXPECT_TRUE(std::isnan(to[0]));
  describe(a, CUDNN_NOT_PROPAGATE_NAN);
  run(a, from, {1}, to, back);
  EXPECT_EQ(to[0], 2.0f);
}

TEST_F(CudnnPooling, RefusesAnOutputOfAnotherShape) {
  const PoolingCase a{2, 3, 8, 8, 2, 2, 0, 0, 2, 2, CUDNN_POOLING_MAX, CUDNN_TENSOR_NHWC, 1.0f, 0.0f};
  describe(a);
  CUDNN_OK(cudnnSetTensor4dDescriptor(y, a.format, CUDNN_DATA_FLOAT, 2, 3, 4, 5));
  const DeviceFloats from(a.x_size()), to(1000);
  EXPECT_EQ(cudnnPoolingForward(handle, pooling, &a.alpha, x, from.data(), &a.beta, y, to.data()),
            CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(cudnnPoolingForward(handle, pooling, &a.alpha, x, nullptr, &a.beta, y, to.data()), CUDNN_STATUS_BAD_PARAM);
}

}  // namespace
}  // namespace sidestep::test
