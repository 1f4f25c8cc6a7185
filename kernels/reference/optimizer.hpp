#pragma once

#include <cmath>
#include <cstdint>

#include <sidestep/kernels/optimizer.hpp>

namespace sidestep::kernels::reference {

/// One parameter's step, as kernels/optimizer.hpp defines it.
template <class Real>
void step(const AdamW& o, Real lr, std::uint64_t t, Real g, Real& w, Real& m, Real& v) {
  const auto beta1 = static_cast<Real>(o.beta1), beta2 = static_cast<Real>(o.beta2);
  w *= 1 - lr * static_cast<Real>(o.weight_decay);
  m = beta1 * m + (1 - beta1) * g;
  v = beta2 * v + (1 - beta2) * g * g;
  const Real first = m / (1 - std::pow(beta1, static_cast<Real>(t)));
  const Real second = v / (1 - std::pow(beta2, static_cast<Real>(t)));
  w -= lr * first / (std::sqrt(second) + static_cast<Real>(o.epsilon));
}

template <class Real>
void step(const Sgd& o, Real lr, std::uint64_t, Real g, Real& w, Real& b, Real&) {
  g += static_cast<Real>(o.weight_decay) * w;
  b = static_cast<Real>(o.momentum) * b + g;
  w -= lr * (o.nesterov ? g + static_cast<Real>(o.momentum) * b : b);
}

}  // namespace sidestep::kernels::reference
