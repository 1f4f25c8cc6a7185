#include <gtest/gtest.h>

#include <fmt/format.h>

#include <sidestep/kernels/cpu/norm_kernels.hpp>

#include "kernels/support.hpp"

// The normalisation's loops, however wide, against their formulas in double precision.
namespace sidestep::kernels::test {
namespace {

struct Case {
  const char* code;
  const cpu::NormKernels* kernels;
  std::size_t pixels, channels;
};

class NormKernels : public testing::TestWithParam<Case> {
 protected:
  const cpu::NormKernels& kernels_ = *GetParam().kernels;
  const std::size_t pixels_ = GetParam().pixels, channels_ = GetParam().channels, size_ = pixels_ * channels_;
  const std::vector<double> x_ = random_values(size_, 2.0, 1), y_ = random_values(size_, 1.0, 2),
                            gradient_ = random_values(size_, 1.0, 3), mean_ = random_values(channels_, 1.0, 4),
                            scale_ = random_values(channels_, 1.0, 5), bias_ = random_values(channels_, 1.0, 6);
  const std::vector<float> x = floats(x_), y = floats(y_), mean = floats(mean_), scale = floats(scale_),
                           bias = floats(bias_);

  std::vector<float> poisoned(std::size_t n) const { return std::vector<float>(n, NAN); }
  /// For each channel the sum of term(index).
  template <class Term>
  std::vector<double> sums(Term term) const {
    std::vector<double> all(channels_);
    for (std::size_t i = 0; i < size_; ++i) all[i % channels_] += term(i);
    return all;
  }
  double deviation(std::size_t i) const { return x_[i] - mean_[i % channels_]; }
};

TEST_P(NormKernels, Sums) {
  auto sum = poisoned(channels_), squares = poisoned(channels_);
  kernels_.sum(pixels_, channels_, x.data(), sum.data());
  kernels_.squares(pixels_, channels_, x.data(), mean.data(), squares.data());
  EXPECT_LE(error(sum, sums([&](std::size_t i) { return x_[i]; })), 1e-5);
  EXPECT_LE(error(squares, sums([&](std::size_t i) { return deviation(i) * deviation(i); })), 1e-5);
}

TEST_P(NormKernels, Applies) {
  for (const bool relu : {false, true})
    for (const bool adds : {false, true}) {
      std::vector<double> expected(size_);
      for (std::size_t i = 0; i < size_; ++i) {
        const auto c = i % channels_;
        expected[i] = deviation(i) * scale_[c] + bias_[c] + (adds ? y_[i] : 0.0);
        if (relu) expected[i] = std::max(expected[i], 0.0);
      }
      auto output = poisoned(size_);
      kernels_.apply(pixels_, channels_, x.data(), adds ? y.data() : nullptr, mean.data(), scale.data(), bias.data(),
                     relu, output.data());
      EXPECT_LE(error(output, expected), 1e-5) << relu << adds;
    }
}

TEST_P(NormKernels, KeepsNaN) {
  auto broken = x;
  broken[size_ - 1] = NAN;
  auto output = std::vector<float>(size_);
  kernels_.apply(pixels_, channels_, broken.data(), nullptr, mean.data(), scale.data(), bias.data(), true,
                 output.data());
  EXPECT_TRUE(std::isnan(output[size_ - 1]));
}

TEST_P(NormKernels, SumsBackward) {
  for (const bool relu : {false, true})
    for (const bool copies : {false, true}) {
      std::vector<double> masked = gradient_;
      for (std::size_t i = 0; i < size_; ++i)
        if (relu && !(y_[i] > 0)) masked[i] = 0;
      auto gradient = floats(gradient_), copy = poisoned(size_), sum = poisoned(channels_), products = sum;
      kernels_.backward_sums(pixels_, channels_, x.data(), relu ? y.data() : nullptr, mean.data(), gradient.data(),
                             copies ? copy.data() : nullptr, sum.data(), products.data());
      EXPECT_EQ(gradient, floats(masked));
      if (copies) {
        EXPECT_EQ(copy, gradient);
      }
      EXPECT_LE(error(sum, sums([&](std::size_t i) { return masked[i]; })), 1e-5);
      EXPECT_LE(error(products, sums([&](std::size_t i) { return masked[i] * deviation(i); })), 1e-5);
    }
}

TEST_P(NormKernels, GoesBackwardInPlace) {
  std::vector<double> expected(size_);
  for (std::size_t i = 0; i < size_; ++i) {
    const auto c = i % channels_;
    expected[i] = scale_[c] * gradient_[i] - bias_[c] - mean_[c] * deviation(i);
  }
  auto gradient = floats(gradient_);
  kernels_.backward(pixels_, channels_, x.data(), mean.data(), scale.data(), bias.data(), mean.data(), gradient.data(),
                    gradient.data());
  EXPECT_LE(error(gradient, expected), 1e-5);
}

std::vector<Case> cases() {
  std::vector<std::pair<const char*, const cpu::NormKernels*>> tables{{"portable", &cpu::portable_norm_kernels()}};
  if (supported(CpuPath::avx2)) {
    tables.push_back({"avx2", &cpu::avx2_kernels().norm});
    tables.push_back({"wide", &wide_kernels().norm});
  }
  if (supported(CpuPath::avx512)) tables.push_back({"avx512", &cpu::avx512_kernels().norm});
  std::vector<Case> all;
  for (const auto& [code, kernels] : tables)
    for (const auto& [pixels, channels] :
         {std::pair{784, 16}, {49, 64}, {1, 1}, {2, 5}, {7, 18}, {35, 33}, {6, 48}, {1, 16}})
      all.push_back({code, kernels, static_cast<std::size_t>(pixels), static_cast<std::size_t>(channels)});
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, NormKernels, testing::ValuesIn(cases()), [](const auto& info) {
  return fmt::format("{}_{}pixels_{}channels", info.param.code, info.param.pixels, info.param.channels);
});

}  // namespace
}  // namespace sidestep::kernels::test
