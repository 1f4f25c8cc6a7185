#pragma once
#include <sidestep/kernels/philox.hpp>
#include <sidestep/trainer/data/dataset.hpp>

namespace sidestep::test {

/// Images of 8x8 that a network can tell apart: each class has bright pixels of its own, under noise.
inline std::pair<IdxArray, IdxArray> small_images(std::uint32_t count, std::uint64_t seed) {
  constexpr std::uint32_t side = 8;
  IdxArray images{{count, side, side}, {}}, labels{{count}, {}};
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t label = kernels::philox({i, 0, 0, 0}, seed)[0] % 10;
    labels.bytes.push_back(static_cast<std::uint8_t>(label));
    for (std::uint32_t p = 0; p < side * side; ++p) {
      const std::uint32_t pattern = kernels::philox({label, p, 1, 0}, 7)[0] % 128;
      const std::uint32_t noise = kernels::philox({i, p, 2, 0}, seed)[0] % 128;
      images.bytes.push_back(static_cast<std::uint8_t>(pattern + noise));
    }
  }
  return {std::move(images), std::move(labels)};
}

/// 480 training, 43 validation and 100 test images.
inline Dataset small_data() {
  auto [train_images, train_labels] = small_images(523, 1);
  auto [test_images, test_labels] = small_images(100, 2);
  return Dataset(std::move(train_images), std::move(train_labels), std::move(test_images), std::move(test_labels),
                 "small");
}

}  // namespace sidestep::test
