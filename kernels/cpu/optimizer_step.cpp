#include <sidestep/kernels/cpu/optimizer_step.hpp>

#include <cmath>

namespace sidestep::kernels::cpu {
namespace {

Update numbers(const AdamW& o, double lr, std::uint64_t step) {
  const auto t = static_cast<double>(step);
  Update u;
  u.kind = Update::Kind::adamw;
  u.rate = static_cast<float>(lr / (1.0 - std::pow(o.beta1, t)));
  u.keep = static_cast<float>(1.0 - lr * o.weight_decay);
  u.one_minus_beta1 = static_cast<float>(1.0 - o.beta1);
  u.beta2 = static_cast<float>(o.beta2);
  u.one_minus_beta2 = static_cast<float>(1.0 - o.beta2);
  u.second_scale = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(o.beta2, t)));
  u.epsilon = static_cast<float>(o.epsilon);
  return u;
}

Update numbers(const Sgd& o, double lr, std::uint64_t) {
  Update u;
  u.kind = Update::Kind::sgd;
  u.rate = static_cast<float>(lr);
  u.decay = static_cast<float>(o.weight_decay);
  u.momentum = static_cast<float>(o.momentum);
  u.nesterov = o.nesterov;
  return u;
}

}  // namespace

Update update_numbers(const Optimizer& optimizer, double learning_rate, std::uint64_t step) {
  return std::visit([&](const auto& o) { return numbers(o, learning_rate, step); }, optimizer);
}

void apply_update(const Update& u, const float* gradient, float* weights, float* first, float* second, std::size_t n) {
  if (u.kind == Update::Kind::adamw) {
    for (std::size_t i = 0; i < n; ++i) {
      const float g = gradient[i];
      first[i] += u.one_minus_beta1 * (g - first[i]);
      second[i] = u.beta2 * second[i] + u.one_minus_beta2 * g * g;
      weights[i] = weights[i] * u.keep - u.rate * first[i] / (std::sqrt(second[i]) * u.second_scale + u.epsilon);
    }
  } else {
    for (std::size_t i = 0; i < n; ++i) {
      const float g = gradient[i] + u.decay * weights[i];
      first[i] = u.momentum * first[i] + g;
      weights[i] -= u.rate * (u.nesterov ? g + u.momentum * first[i] : first[i]);
    }
  }
}

}  // namespace sidestep::kernels::cpu
