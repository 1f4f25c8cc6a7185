#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace sidestep::kernels::reference {

template <class Real>
struct SoftmaxRow {
  Real loss = 0;               ///< -log softmax(logits)[label]
  bool correct = false;        ///< the label has the largest logit, the first of equals
  std::vector<Real> gradient;  ///< of the loss: softmax(logits) - one_hot(label)
};

template <class Real>
SoftmaxRow<Real> softmax_cross_entropy(const std::vector<Real>& logits, std::size_t label) {
  const auto best = std::max_element(logits.begin(), logits.end());
  SoftmaxRow<Real> row;
  Real total = 0;
  for (const Real x : logits) total += std::exp(x - *best);
  for (const Real x : logits) row.gradient.push_back(std::exp(x - *best) / total);
  row.loss = std::log(total) - (logits[label] - *best);
  row.gradient[label] -= 1;
  row.correct = static_cast<std::size_t>(best - logits.begin()) == label;
  return row;
}

}  // namespace sidestep::kernels::reference
