#pragma once

namespace sidestep::kernels::cpu {

/// One optimizer step's numbers, worked out once a step in double precision. No inline functions here: this header is
/// included by files that are compiled for instruction sets that the running CPU may lack.
///
/// AdamW:  w <- w * keep;  m <- m + (1 - beta1) (g - m);  v <- beta2 v + (1 - beta2) g g
///         w <- w - rate * m / (sqrt(v) * second_scale + epsilon)
///         with rate = lr / (1 - beta1^t), second_scale = 1 / sqrt(1 - beta2^t), keep = 1 - lr weight_decay
/// SGD:    g <- g + decay w;  b <- momentum b + g;  w <- w - rate * (nesterov ? g + momentum b : b)
struct Update {
  enum class Kind { adamw, sgd } kind = Kind::adamw;
  float rate = 0;
  float keep = 1;
  float one_minus_beta1 = 0;
  float beta2 = 0;
  float one_minus_beta2 = 0;
  float second_scale = 1;
  float epsilon = 0;
  float decay = 0;
  float momentum = 0;
  bool nesterov = false;
};

}  // namespace sidestep::kernels::cpu
