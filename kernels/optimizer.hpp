#pragma once

#include <variant>

namespace sidestep::kernels {

/// Stochastic gradient descent with momentum. Semantics: PyTorch's torch.optim.SGD without dampening:
///   g <- g + weight_decay w;  b <- momentum b + g;  w <- w - lr (nesterov ? g + momentum b : b)
struct Sgd {
  double momentum = 0.9;
  double weight_decay = 0.0;
  bool nesterov = false;
};

/// Adam with decoupled weight decay (Loshchilov and Hutter, 2019). Semantics: PyTorch's torch.optim.AdamW, at step t:
///   w <- w (1 - lr weight_decay);  m <- beta1 m + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g^2
///   w <- w - lr / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + epsilon)
struct AdamW {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.01;
};

using Optimizer = std::variant<AdamW, Sgd>;

}  // namespace sidestep::kernels
