#include <sidestep/kernels/cpu/samples.hpp>
#include <sidestep/kernels/cuda/normalise_input.hpp>

#include "support.hpp"

namespace sidestep::kernels::cuda::test {
namespace {

struct Gathered {
  Shape shape;
  std::size_t count;
  std::vector<std::uint32_t> indices;
  std::uint32_t first = 1;  ///< of as many neighbours, without indices
  float mean = 0.2860f, deviation = 0.3530f;
  std::size_t offset = 0;  ///< bytes by which the images lie beside a multiple of 256
};

void check_normalise_input(const Gathered& how, unsigned block) {
  const Shape& shape = how.shape;
  SCOPED_TRACE(testing::Message() << how.indices.size() << " of " << how.count << " of " << shape.channels << " x "
                                  << shape.height << " x " << shape.width << ", " << how.offset
                                  << " bytes beside, blocks of " << block);
  std::mt19937 random(7);
  std::vector<std::uint8_t> images(how.offset + how.count * shape.size()), labels(how.count);
  for (auto& byte : images) byte = static_cast<std::uint8_t>(random());
  for (auto& label : labels) label = static_cast<std::uint8_t>(random() % 10);
  const std::uint8_t* const pixels = images.data() + how.offset;
  const DatasetView view{pixels, labels.data(), how.count, how.mean, how.deviation};
  const DeviceArray<std::uint8_t> device_images(images), device_labels(labels);
  const std::size_t plane = shape.height * shape.width;
  const DeviceImages data{.images = device_images.data() + how.offset,
                          .labels = device_labels.data(),
                          .channels = static_cast<std::uint32_t>(shape.channels),
                          .plane = static_cast<std::uint32_t>(plane),
                          .scale = 1.0f / (255.0f * view.deviation),
                          .shift = -view.mean / view.deviation};
  const auto check = [&](const std::uint32_t* chosen, std::uint32_t first, std::uint32_t samples) {
    const auto found = same_for_every_seed([&] {
      const DeviceArray<float> rows(samples * shape.size());
      const DeviceArray<std::uint8_t> out_labels(samples);
      normalise_input(data, chosen, first, samples, rows.data(), out_labels.data(), nullptr, block);
      return std::tuple(rows.get(), out_labels.get());
    });
    const auto& [rows, out_labels] = found;
    std::vector<float> on_cpu(shape.size());
    for (std::size_t i = 0; i < samples; ++i) {
      const std::size_t sample = chosen ? how.indices[i] : first + i;
      EXPECT_EQ(out_labels[i], labels[sample]);
      cpu::normalise(view, shape, sample, on_cpu.data());
      for (std::size_t j = 0; j < shape.size(); ++j) {
        const std::uint8_t pixel = pixels[sample * shape.size() + j % shape.channels * plane + j / shape.channels];
        const double exact = (pixel / 255.0 - double{view.mean}) / double{view.deviation};
        const double size = double{view.mean} / double{view.deviation};  // of what is subtracted
        expect_close(rows[i * shape.size() + j], exact, size, "row", i * shape.size() + j);
        expect_close(rows[i * shape.size() + j], on_cpu[j], size, "row", i * shape.size() + j);
      }
    }
  };
  const auto samples = static_cast<std::uint32_t>(how.indices.size());
  const DeviceArray<std::uint32_t> chosen(how.indices);
  check(chosen.data(), 0, samples);
  check(nullptr, how.first, std::min(samples, static_cast<std::uint32_t>(how.count) - how.first));
}

TEST(CudaNormaliseInput, GathersAndScalesAsTheCpuDoes) {
  for (const unsigned block : block_sizes()) {
    check_normalise_input({.shape = {1, 28, 28}, .count = 9, .indices = {3, 0, 8, 3, 7}}, block);
    check_normalise_input({.shape = {1, 5, 7}, .count = 11, .indices = {10, 1, 1}}, block);
    check_normalise_input({.shape = {3, 8, 4}, .count = 6, .indices = {5, 4, 3, 2}}, block);
    // more labels than a row has vectors
    check_normalise_input({.shape = {1, 4, 4}, .count = 70, .indices = {69, 1,  2,  3,  4,  5,  6,  7,  8,  9, 10,
                                                                        11, 12, 13, 14, 15, 16, 17, 18, 19, 20}},
                          block);
  }
}

TEST(CudaNormaliseInput, DoesSoWhereNoVectorIsAligned) {
  for (const std::size_t offset : {1u, 4u, 8u})
    check_normalise_input({.shape = {1, 8, 8}, .count = 9, .indices = {8, 0, 3}, .offset = offset}, 96);
}

TEST(CudaNormaliseInput, DoesSoForDrawnShapes) {
  for_drawn_shapes([](Draw& draw) {
    const bool wide = draw.coin();  // a plane of whole vectors, which a drawn one hardly is
    Gathered how{.shape = {wide ? 1 : draw.between(1, 4), wide ? 4 * draw.between(1, 7) : draw.between(1, 15),
                           wide ? 4 * draw.between(1, 7) : draw.between(1, 15)},
                 .count = draw.up_to(80),
                 .indices = std::vector<std::uint32_t>(draw.up_to(30)),
                 .mean = static_cast<float>(draw.real(0.05, 0.95)),
                 .deviation = static_cast<float>(draw.real(0.05, 0.5)),
                 .offset = draw.coin() ? draw.between(1, 15) : 0};
    for (auto& index : how.indices) index = draw.between(0, static_cast<std::uint32_t>(how.count - 1));
    how.first = draw.between(0, static_cast<std::uint32_t>(how.count - 1));
    check_normalise_input(how, draw.block());
  });
}

}  // namespace
}  // namespace sidestep::kernels::cuda::test
