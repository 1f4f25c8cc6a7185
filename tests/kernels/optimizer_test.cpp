#include <gtest/gtest.h>

#include <sidestep/kernels/cpu/optimizer_step.hpp>
#include <sidestep/kernels/reference/optimizer.hpp>

#include "kernels/support.hpp"

namespace sidestep::kernels::test {
namespace {

/// Some steps of one optimizer by one kernel, with the gradient in three parts, beside double precision.
template <class O, class Apply>
void expect_steps(const O& optimizer, Apply apply) {
  const std::size_t n = 37, pitch = 41;  // not a multiple of any vector
  auto w = random_values(n, 0.1, 1);
  std::vector<double> first(n), second(n);
  auto weights = floats(w), m = floats(first), v = floats(second);
  for (std::uint32_t t = 1; t <= 5; ++t) {
    const auto parts = random_values(3 * pitch, 0.01, 100 + t);
    const auto given = floats(parts);
    for (std::size_t i = 0; i < n; ++i)
      reference::step(optimizer, 2e-3, t, parts[i] + parts[pitch + i] + parts[2 * pitch + i], w[i], first[i],
                      second[i]);
    apply(cpu::update_numbers(optimizer, 2e-3, t), given.data(), pitch, weights.data(), m.data(), v.data(), n);
  }
  EXPECT_LE(error(weights, w), 1e-5);
  EXPECT_LE(error(m, first), 1e-5);
  EXPECT_LE(error(v, second), 1e-5);
}

template <class Apply>
void expect_all(Apply apply) {
  expect_steps(AdamW{}, apply);
  expect_steps(AdamW{.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-4, .weight_decay = 0.3}, apply);
  expect_steps(Sgd{}, apply);
  expect_steps(Sgd{.momentum = 0.5, .weight_decay = 0.1, .nesterov = true}, apply);
  expect_steps(Sgd{.momentum = 0.0}, apply);
}

TEST(OptimizerStep, PlainCodeDoesWhatPyTorchDocuments) {
  expect_all([](const cpu::Update& u, const float* g, std::size_t pitch, float* w, float* m, float* v, std::size_t n) {
    std::vector<float> sum(g, g + n);
    for (std::size_t i = 0; i < n; ++i) sum[i] += g[pitch + i], sum[i] += g[2 * pitch + i];
    cpu::apply_update(u, sum.data(), w, m, v, n);
  });
}

TEST(OptimizerStep, KernelsDoTooAndAddTheSlices) {
  std::vector<const cpu::HandKernels*> tables;
  if (supported(CpuPath::avx2)) tables = {&cpu::avx2_kernels(), &wide_kernels()};
  if (supported(CpuPath::avx512)) tables.push_back(&cpu::avx512_kernels());
  if (tables.empty()) GTEST_SKIP() << "this CPU has neither AVX2 nor AVX-512";
  for (const auto* kernels : tables)
    expect_all([&](const cpu::Update& u, const float* g, std::size_t pitch, float* w, float* m, float* v,
                   std::size_t n) { kernels->update(u, g, pitch, 3, w, m, v, n); });
}

}  // namespace
}  // namespace sidestep::kernels::test
