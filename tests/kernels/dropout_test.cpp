#include <gtest/gtest.h>

#include "kernels/support.hpp"

namespace sidestep::kernels::test {
namespace {

TEST(Dropout, DropsTheSameOnEveryMachineAndForever) {
  std::string kept;
  for (std::uint64_t i = 0; i < 64; ++i) kept += dropout_factor(i, 2, 7, 42, 0.5f) > 0 ? '1' : '0';
  EXPECT_EQ(kept, "0010101100110111011111010000101100100001011011101001100101000011");
  kept.clear();
  for (std::uint64_t i = 0; i < 32; ++i)
    kept += dropout_factor((std::uint64_t{1} << 34) + i, 0, 1, 1, 0.1f) > 0 ? '1' : '0';
  EXPECT_EQ(kept, "11111111111011111111111110111110");
  static_assert(dropout_factor(0u, 0.5f) == 0.0f && dropout_factor(~0u, 0.5f) == 2.0f);
}

TEST(Dropout, FourNeighboursShareOneCounter) {
  const Words4 words = dropout_words(5, 3, 2, 9);
  const std::uint32_t all[]{words.x, words.y, words.z, words.w};
  for (std::uint64_t i = 0; i < 4; ++i)
    EXPECT_EQ(dropout_factor(20 + i, 3, 2, 9, 0.4f), dropout_factor(all[i], 0.4f)) << i;
  EXPECT_EQ((std::array{words.x, words.y, words.z, words.w}), philox({5, 0, 3, 2}, 9));
}

TEST(Dropout, KeepsTheMean) {
  for (const float rate : {0.0f, 0.1f, 0.5f, 0.9f}) {
    double sum = 0;
    for (std::uint64_t i = 0; i < 100000; ++i) sum += dropout_factor(i, 1, 1, 3, rate);
    EXPECT_NEAR(sum / 100000, 1.0, 5 * std::sqrt(rate / (1 - rate) / 100000) + 1e-6) << rate;
  }
}

TEST(Dropout, IsAnotherInEachStepLayerAndSeed) {
  const auto mask = [](std::uint32_t layer, std::uint32_t step, std::uint64_t seed) {
    std::vector<float> all;
    for (std::uint64_t i = 0; i < 200; ++i) all.push_back(dropout_factor(i, layer, step, seed, 0.5f));
    return all;
  };
  EXPECT_NE(mask(1, 1, 1), mask(2, 1, 1));
  EXPECT_NE(mask(1, 1, 1), mask(1, 2, 1));
  EXPECT_NE(mask(1, 1, 1), mask(1, 1, 2));
  EXPECT_EQ(mask(1, 1, 1), mask(1, 1, 1));
}

TEST(Dropout, IsForTrainingOnly) {
  const NetworkSpec dropping{{1, 7, 5}, {Dropout{0.5f}, Dense{4, false}}}, plain{{1, 7, 5}, {Dense{4, false}}};
  const Images images(plain, 60, 2);
  auto with = make_cpu_session(dropping, {.threads = 1}), without = make_cpu_session(plain, {.threads = 1});
  const DataId data = with->attach(images.view), same = without->attach(images.view);
  EXPECT_EQ(with->evaluate(data, 0, 60).loss, without->evaluate(same, 0, 60).loss);
  EXPECT_NE(step(*with, data, range(0, 60), 1).loss, step(*without, same, range(0, 60), 1).loss);
}

}  // namespace
}  // namespace sidestep::kernels::test
