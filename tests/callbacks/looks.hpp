#pragma once

#include <sidestep/bus/archive.hpp>
#include <sidestep/trainer/callbacks/monitor.hpp>

#include <string>
#include <vector>

namespace sidestep::test {

/// The look at the end of an epoch of ten steps; NaN stands for a metric that didn't come when `came` is false.
inline Look look_at(Epoch epoch, double value, double learning_rate = 0) {
  return {.kind = Look::Kind::look,
          .came = true,
          .value = value,
          .step = epoch * 10,
          .epoch = epoch,
          .learning_rate = learning_rate};
}

/// `to` becomes what `from` is, by way of a checkpoint.
template <class T>
void hand_over(T& from, T& to) {
  Archive saved;
  from.state(saved);
  const std::vector<std::byte> bytes = std::move(saved).take();
  Archive loaded{std::span<const std::byte>(bytes)};
  to.state(loaded);
}

}  // namespace sidestep::test
