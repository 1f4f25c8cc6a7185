#include <limits>

#include "emulation/library_support.hpp"

namespace sidestep::test {
namespace {

/// A convolution of any shape, with its descriptors.
struct Case {
  int n, c, h, w, k, kernel_h, kernel_w, pad_h, pad_w, stride_h, stride_w, dilation;
  cudnnTensorFormat_t format;
  float alpha, beta;

  int out_h() const { return (h + 2 * pad_h - (kernel_h - 1) * dilation - 1) / stride_h + 1; }
  int out_w() const { return (w + 2 * pad_w - (kernel_w - 1) * dilation - 1) / stride_w + 1; }
  Place x() const { return {format, c, h, w}; }
  Place filter() const { return {format, c, kernel_h, kernel_w}; }
  Place y() const { return {format, k, out_h(), out_w()}; }
  std::size_t x_size() const { return std::size_t(n) * c * h * w; }
  std::size_t filter_size() const { return std::size_t(k) * c * kernel_h * kernel_w; }
  std::size_t y_size() const { return std::size_t(n) * k * out_h() * out_w(); }
};

Case random_case(std::mt19937& random) {
  Case a{};
  a.n = between(random, 1, 4);
  a.c = between(random, 1, 19);
  a.k = between(random, 1, 19);
  a.h = between(random, 5, 17);
  a.w = between(random, 5, 17);
  a.kernel_h = between(random, 1, 5);
  a.kernel_w = between(random, 1, 5);
  a.pad_h = between(random, 0, 3);
  a.pad_w = between(random, 0, 3);
  a.stride_h = between(random, 1, 2);
  a.stride_w = between(random, 1, 2);
  a.dilation = between(random, 0, 4) == 0 && a.kernel_h < 3 && a.kernel_w < 3 ? 2 : 1;
  a.format = between(random, 0, 3) ? CUDNN_TENSOR_NHWC : CUDNN_TENSOR_NCHW;
  a.alpha = between(random, 0, 1) ? 1.0f : 0.75f;
  a.beta = between(random, 0, 1) ? 0.0f : -0.5f;
  return a;
}

/// Calls visit(place in x, place in w, place in y) for each product that the convolution adds up.
template <class Visit>
void for_each_product(const Case& a, Visit&& visit) {
  for (int n = 0; n < a.n; ++n)
    for (int k = 0; k < a.k; ++k)
      for (int oh = 0; oh < a.out_h(); ++oh)
        for (int ow = 0; ow < a.out_w(); ++ow)
          for (int c = 0; c < a.c; ++c)
            for (int i = 0; i < a.kernel_h; ++i)
              for (int j = 0; j < a.kernel_w; ++j) {
                const int h = oh * a.stride_h - a.pad_h + i * a.dilation;
                const int w = ow * a.stride_w - a.pad_w + j * a.dilation;
                if (h < 0 || h >= a.h || w < 0 || w >= a.w) continue;
                visit(a.x()(n, c, h, w), a.filter()(k, c, i, j), a.y()(n, k, oh, ow));
              }
}

class CudnnConvolution : public testing::Test {
 protected:
  void describe(const Case& a) {
    CUDNN_OK(cudnnSetStream(handle, stream));
    CUDNN_OK(cudnnSetTensor4dDescriptor(x, a.format, CUDNN_DATA_FLOAT, a.n, a.c, a.h, a.w));
    CUDNN_OK(cudnnSetTensor4dDescriptor(y, a.format, CUDNN_DATA_FLOAT, a.n, a.k, a.out_h(), a.out_w()));
    CUDNN_OK(cudnnSetFilter4dDescriptor(w, CUDNN_DATA_FLOAT, a.format, a.k, a.c, a.kernel_h, a.kernel_w));
    CUDNN_OK(cudnnSetConvolution2dDescriptor(convolution, a.pad_h, a.pad_w, a.stride_h, a.stride_w, a.dilation,
                                             a.dilation, CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT));
  }

  cudnnStatus_t forward(const Case& a, const float* from, const float* filter, float* to) {
    const auto algorithm = CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;
    std::size_t bytes = 0;
    cudnnGetConvolutionForwardWorkspaceSize(handle, x, w, convolution, y, algorithm, &bytes);
    DeviceArray<char> workspace(bytes);
    const auto status = cudnnConvolutionForward(handle, &a.alpha, x, from, w, filter, convolution, algorithm,
                                                workspace.data(), bytes, &a.beta, y, to);
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    return status;
  }
  cudnnStatus_t backward_data(const Case& a, const float* filter, const float* dy, float* dx,
                              cudnnConvolutionBwdDataAlgo_t algorithm = CUDNN_CONVOLUTION_BWD_DATA_ALGO_1) {
    std::size_t bytes = 0;
    cudnnGetConvolutionBackwardDataWorkspaceSize(handle, w, y, convolution, x, algorithm, &bytes);
    DeviceArray<char> workspace(bytes + 1);
    const auto status = cudnnConvolutionBackwardData(handle, &a.alpha, w, filter, y, dy, convolution, algorithm,
                                                     workspace.data(), bytes, &a.beta, x, dx);
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    return status;
  }
  cudnnStatus_t backward_filter(const Case& a, const float* from, const float* dy, float* dw,
                                cudnnConvolutionBwdFilterAlgo_t algorithm = CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1) {
    std::size_t bytes = 0;
    cudnnGetConvolutionBackwardFilterWorkspaceSize(handle, x, y, convolution, w, algorithm, &bytes);
    DeviceArray<char> workspace(bytes + 1);
    const auto status = cudnnConvolutionBackwardFilter(handle, &a.alpha, x, from, y, dy, convolution, algorithm,
                                                       workspace.data(), bytes, &a.beta, w, dw);
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    return status;
  }

  /// What the output holds before the call: NaN where it may not be read.
  Floats before(std::mt19937& random, const Case& a, std::size_t count) {
    return a.beta == 0.0f ? Floats(count, std::numeric_limits<float>::quiet_NaN()) : random_floats(random, count);
  }
  Doubles wanted_before(const Case& a, const Floats& values) {
    Doubles wanted(values.size(), 0.0);
    if (a.beta != 0.0f)
      for (std::size_t i = 0; i < values.size(); ++i) wanted[i] = double(a.beta) * values[i];
    return wanted;
  }

  Cudnn handle;
  Stream stream;
  Tensor x, y;
  Filter w;
  Convolution convolution;
};

TEST_F(CudnnConvolution, OfRandomShapesIsTheSumOfProducts) {
  std::mt19937 random(7);
  for (int i = 0; i < 60; ++i) {
    const Case a = random_case(random);
    SCOPED_TRACE(testing::Message() << "case " << i << ": " << a.n << "x" << a.c << "x" << a.h << "x" << a.w << ", "
                                    << a.k << " filters " << a.kernel_h << "x" << a.kernel_w << ", pad " << a.pad_h
                                    << "," << a.pad_w << ", stride " << a.stride_h << "," << a.stride_w
                                    << (a.format == CUDNN_TENSOR_NHWC ? ", NHWC" : ", NCHW"));
    describe(a);
    const Floats from = random_floats(random, a.x_size()), filter = random_floats(random, a.filter_size()),
                 dy = random_floats(random, a.y_size());
    const Floats y0 = before(random, a, a.y_size()), dx0 = before(random, a, a.x_size()),
                 dw0 = before(random, a, a.filter_size());
    Doubles wanted_y = wanted_before(a, y0), wanted_dx = wanted_before(a, dx0), wanted_dw = wanted_before(a, dw0);
    for_each_product(a, [&](std::size_t ix, std::size_t iw, std::size_t iy) {
      wanted_y[iy] += double(a.alpha) * from[ix] * filter[iw];
      wanted_dx[ix] += double(a.alpha) * dy[iy] * filter[iw];
      wanted_dw[iw] += double(a.alpha) * dy[iy] * from[ix];
    });
    const DeviceFloats dev_x(from), dev_w(filter), dev_dy(dy), dev_y(y0), dev_dx(dx0), dev_dw(dw0);
    CUDNN_OK(forward(a, dev_x.data(), dev_w.data(), dev_y.data()));
    CUDNN_OK(backward_data(a, dev_w.data(), dev_dy.data(), dev_dx.data()));
    CUDNN_OK(backward_filter(a, dev_x.data(), dev_dy.data(), dev_dw.data()));
    EXPECT_LE(distance(dev_y.get(), wanted_y), 1e-5);
    EXPECT_LE(distance(dev_dx.get(), wanted_dx), 1e-5);
    EXPECT_LE(distance(dev_dw.get(), wanted_dw), 1e-5);
  }
}

TEST_F(CudnnConvolution, TakesChannelsLastTensorsWithAnOrdinaryFilter) {
  const Case a{2, 3, 9, 7, 4, 3, 3, 1, 1, 2, 2, 1, CUDNN_TENSOR_NHWC, 1.0f, 0.0f};
  describe(a);
  CUDNN_OK(cudnnSetFilter4dDescriptor(w, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NCHW, a.k, a.c, 3, 3));
  std::mt19937 random(3);
  const Floats from = random_floats(random, a.x_size()), filter = random_floats(random, a.filter_size());
  Floats reordered(filter.size());
  const Place ordinary{CUDNN_TENSOR_NCHW, a.c, 3, 3};
  for (int k = 0; k < a.k; ++k)
    for (int c = 0; c < a.c; ++c)
      for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) reordered[ordinary(k, c, i, j)] = filter[a.filter()(k, c, i, j)];
  Doubles wanted(a.y_size());
  for_each_product(a, [&](auto ix, auto iw, auto iy) { wanted[iy] += double(from[ix]) * filter[iw]; });
  const DeviceFloats dev_x(from), dev_w(reordered), dev_y(a.y_size());
  CUDNN_OK(forward(a, dev_x.data(), dev_w.data(), dev_y.data()));
  EXPECT_LE(distance(dev_y.get(), wanted), 1e-5);
}

TEST_F(CudnnConvolution, LeavesTheGapsOfAStridedOutputAlone) {
  const Case a{2, 3, 6, 5, 4, 3, 3, 1, 1, 1, 1, 1, CUDNN_TENSOR_NCHW, 1.0f, 0.0f};
  describe(a);
  // y: rows of 5 with 3 floats between them
  const int pitch = 8;
  CUDNN_OK(cudnnSetTensor4dDescriptorEx(y, CUDNN_DATA_FLOAT, 2, 4, 6, 5, 4 * 6 * pitch, 6 * pitch, pitch, 1));
  std::mt19937 random(5);
  const Floats from = random_floats(random, a.x_size()), filter = random_floats(random, a.filter_size());
  Doubles wanted(a.y_size());
  for_each_product(a, [&](auto ix, auto iw, auto iy) { wanted[iy] += double(from[ix]) * filter[iw]; });
  const DeviceFloats dev_x(from), dev_w(filter), dev_y(2 * 4 * 6 * pitch, 42.0f);
  CUDNN_OK(forward(a, dev_x.data(), dev_w.data(), dev_y.data()));
  const Floats got = dev_y.get();
  Floats values;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (i % pitch < 5)
      values.push_back(got[i]);
    else
      EXPECT_EQ(got[i], 42.0f);
  }
  EXPECT_LE(distance(values, wanted), 1e-5);
}

TEST_F(CudnnConvolution, GivesTheSameBitsAgainAndOnAnotherStream) {
  const Case a{5, 7, 15, 13, 11, 3, 3, 1, 1, 1, 1, 1, CUDNN_TENSOR_NHWC, 1.0f, 0.0f};
  describe(a);
  std::mt19937 random(11);
  const DeviceFloats dev_x(random_floats(random, a.x_size())), dev_w(random_floats(random, a.filter_size())),
      dev_dy(random_floats(random, a.y_size()));
  std::vector<Floats> seen;
  const Stream other;
  for (int i = 0; i < 4; ++i) {
    CUDNN_OK(cudnnSetStream(handle, i % 2 ? static_cast<cudaStream_t>(other) : static_cast<cudaStream_t>(stream)));
    const DeviceFloats dev_y(a.y_size()), dev_dx(a.x_size()), dev_dw(a.filter_size());
    CUDNN_OK(forward(a, dev_x.data(), dev_w.data(), dev_y.data()));
    CUDNN_OK(backward_data(a, dev_w.data(), dev_dy.data(), dev_dx.data()));
    CUDNN_OK(backward_filter(a, dev_x.data(), dev_dy.data(), dev_dw.data()));
    Floats all = dev_y.get();
    for (const auto& more : {dev_dx.get(), dev_dw.get()}) all.insert(all.end(), more.begin(), more.end());
    seen.push_back(all);
  }
  for (const auto& run : seen) EXPECT_EQ(run, seen.front());
}

TEST_F(CudnnConvolution, IsNotTheSameTwiceWhereTheAlgorithmIsNotDeterministic) {
  const Case a{4, 6, 10, 10, 8, 3, 3, 1, 1, 1, 1, 1, CUDNN_TENSOR_NHWC, 1.0f, 0.0f};
  describe(a);
  std::mt19937 random(13);
  const DeviceFloats dev_x(random_floats(random, a.x_size())), dev_w(random_floats(random, a.filter_size())),
      dev_dy(random_floats(random, a.y_size()));
  const DeviceFloats dx(a.x_size()), dw(a.filter_size());
  CUDNN_OK(backward_data(a, dev_w.data(), dev_dy.data(), dx.data(), CUDNN_CONVOLUTION_BWD_DATA_ALGO_0));
  CUDNN_OK(backward_filter(a, dev_x.data(), dev_dy.data(), dw.data(), CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0));
  const Floats first_dx = dx.get(), first_dw = dw.get();
  CUDNN_OK(backward_data(a, dev_w.data(), dev_dy.data(), dx.data(), CUDNN_CONVOLUTION_BWD_DATA_ALGO_0));
  CUDNN_OK(backward_filter(a, dev_x.data(), dev_dy.data(), dw.data(), CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0));
  EXPECT_NE(dx.get(), first_dx);
  EXPECT_NE(dw.get(), first_dw);
  EXPECT_LE(distance(dx.get(), Doubles(first_dx.begin(), first_dx.end())), 1e-6);
  EXPECT_LE(distance(dw.get(), Doubles(first_dw.begin(), first_dw.end())), 1e-6);
}

TEST_F(CudnnConvolution, RefusesWhatDoesNotFitTogether) {
  Case a{2, 3, 9, 9, 4, 3, 3, 1, 1, 1, 1, 1, CUDNN_TENSOR_NHWC, 1.0f, 0.0f};
  describe(a);
  const DeviceFloats dev_x(a.x_size()), dev_w(a.filter_size()), dev_y(a.y_size());
  const auto run = [&](cudnnConvolutionFwdAlgo_t algorithm, std::size_t bytes, const float* from) {
    return cudnnConvolutionForward(handle, &a.alpha, x, from, w, dev_w.data(), convolution, algorithm,
                                   const_cast<float*>(dev_x.data()), bytes, &a.beta, y, dev_y.data());
  };
  const auto plain = CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM;
  EXPECT_EQ(run(plain, 0, dev_x.data()), CUDNN_STATUS_SUCCESS);
  EXPECT_EQ(run(plain, 0, nullptr), CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(run(CUDNN_CONVOLUTION_FWD_ALGO_FFT, 1 << 20, dev_x.data()), CUDNN_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(CUDNN_STATUS_CATEGORY(run(CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM, 4, dev_x.data())),
            CUDNN_STATUS_BAD_PARAM);
  char said[200];
  cudnnGetLastErrorString(said, sizeof said);
  EXPECT_NE(std::string(said).find("workspace"), std::string::npos) << said;

  CUDNN_OK(cudnnSetTensor4dDescriptor(y, a.format, CUDNN_DATA_FLOAT, 2, 4, 8, 9));
  EXPECT_EQ(run(plain, 0, dev_x.data()), CUDNN_STATUS_BAD_PARAM);
  describe(a);
  CUDNN_OK(cudnnSetTensor4dDescriptor(x, a.format, CUDNN_DATA_FLOAT, 2, 5, 9, 9));
  EXPECT_EQ(run(plain, 0, dev_x.data()), CUDNN_STATUS_BAD_PARAM);
  describe(a);
  CUDNN_OK(cudnnSetTensor4dDescriptor(x, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, 2, 3, 9, 9));
  EXPECT_EQ(CUDNN_STATUS_CATEGORY(run(plain, 0, dev_x.data())), CUDNN_STATUS_NOT_SUPPORTED);
  const Tensor unset;
  EXPECT_EQ(cudnnConvolutionForward(handle, &a.alpha, unset, dev_x.data(), w, dev_w.data(), convolution, plain, nullptr,
                                    0, &a.beta, y, dev_y.data()),
            CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
}

TEST_F(CudnnConvolution, NamesItsAlgorithmsBestFirstAndWhatTheyNeed) {
  const Case a{2, 3, 9, 9, 4, 3, 3, 1, 1, 1, 1, 1, CUDNN_TENSOR_NHWC, 1.0f, 0.0f};
  describe(a);
  CUDNN_OK(cudnnSetConvolutionMathType(convolution, CUDNN_FMA_MATH));
  int most = 0, count = 0;
  CUDNN_OK(cudnnGetConvolutionBackwardFilterAlgorithmMaxCount(handle, &most));
  std::vector<cudnnConvolutionBwdFilterAlgoPerf_t> results(std::size_t(most), cudnnConvolutionBwdFilterAlgoPerf_t{});
  CUDNN_OK(cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle, x, y, convolution, w, most, &count, results.data()));
  ASSERT_EQ(count, most);
  bool deterministic = false, supported = true;
  for (int i = 0; i < count; ++i) {
    const auto& result = results[std::size_t(i)];
    EXPECT_EQ(result.mathType, CUDNN_FMA_MATH);
    std::size_t bytes = 0;
    const auto status =
        cudnnGetConvolutionBackwardFilterWorkspaceSize(handle, x, y, convolution, w, result.algo, &bytes);
    EXPECT_EQ(status, result.status);
    if (result.status != CUDNN_STATUS_SUCCESS) {
      supported = false;
      continue;
    }
    EXPECT_TRUE(supported) << "what isn't supported comes last";
    EXPECT_EQ(bytes, result.memory);
    EXPECT_GE(result.time, results[std::size_t(std::max(i - 1, 0))].time);
    deterministic |= result.determinism == CUDNN_DETERMINISTIC;
  }
  EXPECT_TRUE(deterministic);
  EXPECT_EQ(results[0].determinism, CUDNN_NON_DETERMINISTIC) << "the fastest one isn't, as on a device";
}

}  // namespace
}  // namespace sidestep::test
