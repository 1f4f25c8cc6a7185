#pragma once

#include <cstdint>
#include <vector>

#include <sidestep/kernels/reference/network.hpp>

#include "kernels/support.hpp"

namespace sidestep::kernels::test {

using Values = std::vector<std::vector<double>>;

inline Values initial(const NetworkSpec& spec, std::uint64_t seed) {
  Values all;
  const auto infos = parameters(spec);
  for (std::size_t i = 0; i < infos.size(); ++i) {
    std::vector<float> values(infos[i].size());
    fill_initial(infos[i], static_cast<std::uint32_t>(i), seed, values);
    all.emplace_back(values.begin(), values.end());
  }
  return all;
}

inline Values normalised(const NetworkSpec& spec, const Images& images, std::size_t count) {
  Values samples(count);
  for (std::size_t n = 0; n < count; ++n)
    for (std::size_t i = 0; i < spec.input.size(); ++i)
      samples[n].push_back((images.pixels[n * spec.input.size() + i] / 255.0 - images.view.mean) /
                           images.view.deviation);
  return samples;
}

}  // namespace sidestep::kernels::test
