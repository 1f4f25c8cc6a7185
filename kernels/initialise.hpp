#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include <sidestep/kernels/network.hpp>
#include <sidestep/kernels/philox.hpp>

namespace sidestep::kernels {

/// Fills one parameter: with zeros, ones, or uniform in +-1/sqrt(fan_in). Then element i is word i%4 of philox({i/4,
/// tensor, 0, 0}, seed).
inline void fill_initial(const ParameterInfo& parameter, std::uint32_t tensor, std::uint64_t seed,
                         std::span<float> values) {
  if (parameter.initial != Initial::uniform) {
    std::fill(values.begin(), values.end(), parameter.initial == Initial::one ? 1.0f : 0.0f);
    return;
  }
  const float bound = static_cast<float>(1.0 / std::sqrt(static_cast<double>(parameter.fan_in)));
  for (std::size_t i = 0; i < values.size(); i += 4) {
    const auto words = philox({static_cast<std::uint32_t>(i / 4), tensor, 0, 0}, seed);
    for (std::size_t j = 0; j < 4 && i + j < values.size(); ++j)
      values[i + j] = bound * (2.0f * unit_interval(words[j]) - 1.0f);
  }
}

}  // namespace sidestep::kernels
