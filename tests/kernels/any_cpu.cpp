#include <cmath>
#include <cstdio>
#include <numeric>
#include <vector>

#include <sidestep/kernels.hpp>

using namespace sidestep::kernels;

/// Three training steps. Prints what computed; false if the loss does not fall.
bool learns(const NetworkSpec& spec) {
  const auto session = make_cpu_session(spec, {.threads = 2});
  std::vector<std::uint8_t> images(24 * 64), labels(24);
  for (std::size_t i = 0; i < images.size(); ++i) images[i] = static_cast<std::uint8_t>(i / 64 % 3 * 100 + i % 7);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::uint8_t>(i % 3);
  const DataId data = session->attach({images.data(), labels.data(), 24, 0.3f, 0.3f});
  std::vector<std::uint32_t> batch(24);
  std::iota(batch.begin(), batch.end(), 0u);
  double loss[3];
  for (std::uint64_t step = 1; step <= 3; ++step) {
    session->submit(data, batch, {.learning_rate = 0.01, .step = step});
    loss[step - 1] = session->wait().loss;
  }
  std::printf("%s: loss %.4f, %.4f, %.4f\n", session->description().c_str(), loss[0], loss[1], loss[2]);
  return std::isfinite(loss[2]) && loss[2] < loss[0];
}

// On whatever CPU this is.
int main() {
  const bool plain = learns({{1, 8, 8}, {Convolution{16}, Dense{16}, Dense{3, false}}});
  const bool residual = learns(
      {{1, 8, 8}, {NormalisedConvolution{16}, Residual{18, 2}, GlobalAveragePool{}, Dropout{0.1f}, Dense{3, false}}});
  return plain && residual ? 0 : 1;
}
