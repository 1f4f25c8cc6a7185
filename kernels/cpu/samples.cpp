#include <sidestep/kernels/cpu/samples.hpp>

#include <fmt/format.h>

namespace sidestep::kernels::cpu {

void normalise(const DatasetView& data, const Shape& shape, std::size_t sample, float* row) {
  const std::uint8_t* image = data.images + sample * shape.size();
  const float scale = 1.0f / (255.0f * data.deviation), shift = -data.mean / data.deviation;
  const std::size_t plane = shape.height * shape.width;
  for (std::size_t c = 0; c < shape.channels; ++c)
    for (std::size_t i = 0; i < plane; ++i)
      row[i * shape.channels + c] = static_cast<float>(image[c * plane + i]) * scale + shift;
}

void prefetch(const DatasetView& data, const Shape& shape, std::size_t sample) {
  if (sample >= data.count) return;
  constexpr std::size_t line = 64;
  const std::uint8_t* image = data.images + sample * shape.size();
  for (std::size_t at = 0; at < shape.size(); at += line) __builtin_prefetch(image + at, 0, 2);
  __builtin_prefetch(data.labels + sample, 0, 2);
}

void check(const DatasetView& data, std::size_t classes) {
  if (!data.images || !data.labels || data.count == 0)
    throw DataError("the data set is empty; give it images and labels");
  if (!(data.deviation > 0.0f))
    throw DataError(fmt::format("the data set's deviation is {}; it divides, so it must be positive", data.deviation));
  for (std::size_t i = 0; i < data.count; ++i)
    if (data.labels[i] >= classes)
      throw DataError(fmt::format("sample {}: label {} is out of range; the network has {} classes, 0 to {}", i,
                                  data.labels[i], classes, classes - 1));
}

void check(const DatasetView& data, std::span<const std::uint32_t> indices) {
  if (indices.empty()) throw ShapeError("the batch is empty; a step needs at least one sample");
  for (const auto index : indices)
    if (index >= data.count)
      throw DataError(fmt::format("sample {} does not exist; the data set has {}", index, data.count));
}

}  // namespace sidestep::kernels::cpu
