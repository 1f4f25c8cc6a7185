#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <sidestep/kernels.hpp>
#include <sidestep/kernels/cpu/hand/table.hpp>

namespace sidestep::kernels::test {

/// The hand-written kernels sixteen floats wide, compiled for AVX2: what AVX-512 runs, on CPUs that lack it.
const cpu::HandKernels& wide_kernels();

inline std::vector<CpuPath> paths() {
  std::vector<CpuPath> all{CpuPath::portable};
  for (const auto path : {CpuPath::avx2, CpuPath::avx512})
    if (supported(path)) all.push_back(path);
  return all;
}

inline std::string path_name(const testing::TestParamInfo<CpuPath>& info) { return name(info.param); }

inline std::vector<double> random_values(std::size_t n, double scale, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<double> values(n);
  for (auto& v : values) v = static_cast<float>(scale) * normal(generator);
  return values;
}

inline std::vector<float> floats(const std::vector<double>& values) { return {values.begin(), values.end()}; }

/// Largest difference, relative to the largest value that is expected.
inline double error(const std::vector<float>& got, const std::vector<double>& expected) {
  if (got.size() != expected.size()) return INFINITY;
  double difference = 0, largest = 1e-30;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (!std::isfinite(got[i])) return INFINITY;
    difference = std::max(difference, std::abs(got[i] - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  return difference / largest;
}

/// The net that the issue trains, and a smaller one with the same kinds of layers.
inline NetworkSpec lenet() { return {{1, 28, 28}, {Convolution{16}, Convolution{32}, Dense{128}, Dense{10, false}}}; }
inline NetworkSpec small_lenet() {
  return {{1, 12, 8}, {Convolution{16}, Convolution{32}, Dense{20}, Dense{5, false}}};
}
inline NetworkSpec perceptron() { return {{1, 7, 5}, {Dense{37}, Dense{18}, Dense{4, false}}}; }
inline NetworkSpec resnet8() {
  return {{1, 28, 28},
          {NormalisedConvolution{16}, Residual{16}, Residual{32, 2}, Residual{64, 2}, GlobalAveragePool{},
           Dense{10, false}}};
}
/// All kinds of blocks, at sizes that nothing divides.
inline NetworkSpec small_resnet() {
  return {{2, 9, 7},
          {NormalisedConvolution{5, 3, 2}, Residual{5}, Residual{7, 2}, GlobalAveragePool{}, Dense{4, false}}};
}

/// Images in which the label shows, under noise.
struct Images {
  std::vector<std::uint8_t> pixels, labels;
  DatasetView view;

  Images(const NetworkSpec& spec, std::size_t count, std::uint32_t seed)
      : pixels(count * spec.input.size()), labels(count) {
    std::mt19937 generator(seed);
    const auto kinds = static_cast<std::uint32_t>(classes(spec));
    for (std::size_t i = 0; i < count; ++i) {
      labels[i] = static_cast<std::uint8_t>(generator() % kinds);
      for (std::size_t j = 0; j < spec.input.size(); ++j)
        pixels[i * spec.input.size() + j] =
            static_cast<std::uint8_t>(generator() % 120 + (j % kinds == labels[i] ? 120 : 0));
    }
    view = {pixels.data(), labels.data(), count, 0.3f, 0.25f};
  }
};

inline std::vector<std::uint32_t> range(std::uint32_t first, std::uint32_t count) {
  std::vector<std::uint32_t> all(count);
  std::iota(all.begin(), all.end(), first);
  return all;
}

inline StepRecord step(Session& session, DataId data, const std::vector<std::uint32_t>& batch, std::uint64_t number,
                       double learning_rate = 1e-3) {
  session.submit(data, batch, {.learning_rate = learning_rate, .step = number});
  return session.wait();
}

inline std::vector<float> values(const Session& session, std::size_t tensor) {
  std::vector<float> all(session.tensors()[tensor].size);
  session.read(tensor, all);
  return all;
}

inline std::vector<std::vector<float>> all_values(const Session& session) {
  std::vector<std::vector<float>> all;
  for (std::size_t i = 0; i < session.tensors().size(); ++i) all.push_back(values(session, i));
  return all;
}

}  // namespace sidestep::kernels::test
