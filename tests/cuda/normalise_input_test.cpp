#include <sidestep/kernels/cpu/samples.hpp>
#include <sidestep/kernels/cuda/normalise_input.hpp>

#include "support.hpp"

namespace sidestep::kernels::cuda::test {
namespace {

void check_normalise_input(const Shape& shape, std::size_t count, const std::vector<std::uint32_t>& indices,
                           unsigned block) {
  SCOPED_TRACE(testing::Message() << shape.channels << " x " << shape.height << " x " << shape.width << ", blocks of "
                                  << block);
  std::mt19937 random(7);
  std::vector<std::uint8_t> images(count * shape.size()), labels(count);
  for (auto& byte : images) byte = static_cast<std::uint8_t>(random());
  for (auto& label : labels) label = static_cast<std::uint8_t>(random() % 10);
  const DatasetView view{images.data(), labels.data(), count, 0.2860f, 0.3530f};
  const DeviceArray<std::uint8_t> device_images(images), device_labels(labels);
  const DeviceImages data{.images = device_images.data(),
                          .labels = device_labels.data(),
                          .channels = static_cast<std::uint32_t>(shape.channels),
                          .plane = static_cast<std::uint32_t>(shape.height * shape.width),
                          .scale = 1.0f / (255.0f * view.deviation),
                          .shift = -view.mean / view.deviation};
  const auto samples = static_cast<std::uint32_t>(indices.size());
  std::vector<std::uint8_t> found_labels;
  const auto rows = same_for_every_seed([&] {
    const DeviceArray<std::uint32_t> chosen(indices);
    const DeviceArray<float> out(indices.size() * shape.size());
    const DeviceArray<std::uint8_t> out_labels(indices.size());
    normalise_input(data, chosen.data(), 0, samples, out.data(), out_labels.data(), nullptr, block);
    found_labels = out_labels.get();
    return out.get();
  });
  std::vector<float> expected(shape.size());
  for (std::size_t i = 0; i < indices.size(); ++i) {
    EXPECT_EQ(found_labels[i], labels[indices[i]]);
    cpu::normalise(view, shape, indices[i], expected.data());
    for (std::size_t j = 0; j < shape.size(); ++j)
      expect_close(rows[i * shape.size() + j], expected[j], 1.0, "row", i * shape.size() + j);
  }
  // without indices: neighbours
  const DeviceArray<float> out(2 * shape.size());
  const DeviceArray<std::uint8_t> out_labels(2);
  normalise_input(data, nullptr, 1, 2, out.data(), out_labels.data(), nullptr, block);
  EXPECT_EQ(out_labels.get(), (std::vector<std::uint8_t>{labels[1], labels[2]}));
  cpu::normalise(view, shape, 2, expected.data());
  EXPECT_NEAR(out.get()[shape.size()], expected[0], 1e-5);
}

TEST(CudaNormaliseInput, GathersAndScalesAsTheCpuDoes) {
  for (const unsigned block : block_sizes()) {
    check_normalise_input({1, 28, 28}, 9, {3, 0, 8, 3, 7}, block);
    check_normalise_input({1, 5, 7}, 11, {10, 1, 1}, block);
    check_normalise_input({3, 8, 4}, 6, {5, 4, 3, 2}, block);
    check_normalise_input({1, 4, 4}, 70, {69, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20},
                          block);
  }
}

}  // namespace
}  // namespace sidestep::kernels::cuda::test
