#include <sidestep/kernels/cpu/softmax.hpp>

#include <cmath>

namespace sidestep::kernels::cpu {

SoftmaxSums softmax_cross_entropy(const float* logits, const std::uint8_t* labels, float* gradient, std::size_t rows,
                                  std::size_t classes, std::size_t pitch, float scale) {
  SoftmaxSums sums;
  for (std::size_t r = 0; r < rows; ++r) {
    const float* x = logits + r * pitch;
    const std::size_t label = labels[r];
    std::size_t best = 0;
    for (std::size_t c = 1; c < classes; ++c)
      if (x[c] > x[best]) best = c;
    const float maximum = x[best];
    float total = 0.0f;
    for (std::size_t c = 0; c < classes; ++c) total += std::exp(x[c] - maximum);
    sums.loss += static_cast<double>(std::log(total) - (x[label] - maximum));
    sums.correct += best == label;
    if (!gradient) continue;
    float* g = gradient + r * pitch;
    const float factor = scale / total;
    for (std::size_t c = 0; c < classes; ++c) g[c] = factor * std::exp(x[c] - maximum);
    g[label] -= scale;
  }
  return sums;
}

}  // namespace sidestep::kernels::cpu
