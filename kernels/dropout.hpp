#pragma once

#include <cstdint>

#include <sidestep/kernels/philox.hpp>

namespace sidestep::kernels {

/// Which values a dropout layer keeps (Srivastava et al., 2014; inverted: what is kept is divided by 1 - rate, so that
/// evaluation has nothing to do). A function of the value's place alone, so that every backend, in whatever order,
/// drops the same; nothing needs to be stored for the backward pass. Callable from device code, as philox_words is.
///
/// The value at `index` takes word index % 4 of philox({index / 4, low word; high word; layer; step}, seed), and is
/// kept if unit_interval(word) >= rate.
///
/// index  position in the batch * features + feature, the features in the order row, column, channel (NHWC), no padding
/// layer  index in NetworkSpec::layers
/// step   StepInput::step's low word, from 1; 0 is the initialisation's, which uses the same key
constexpr Words4 dropout_words(std::uint64_t quad, std::uint32_t layer, std::uint32_t step, std::uint64_t seed) {
  return philox_words({static_cast<std::uint32_t>(quad), static_cast<std::uint32_t>(quad >> 32), layer, step}, seed);
}

/// What the value is multiplied with: 0, or 1 / (1 - rate).
constexpr float dropout_factor(std::uint32_t word, float rate) {
  return unit_interval(word) >= rate ? 1.0f / (1.0f - rate) : 0.0f;
}

/// The same for one value by itself. Who walks over neighbours asks for their four words at once.
constexpr float dropout_factor(std::uint64_t index, std::uint32_t layer, std::uint32_t step, std::uint64_t seed,
                               float rate) {
  const Words4 words = dropout_words(index / 4, layer, step, seed);
  const std::uint32_t at = static_cast<std::uint32_t>(index % 4);
  return dropout_factor(at < 2 ? (at == 0 ? words.x : words.y) : (at == 2 ? words.z : words.w), rate);
}

}  // namespace sidestep::kernels
