#include <sidestep/trainer/data/dataset.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <future>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace sidestep {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> file_names{"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                                     "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
template <class... Values>
[[noreturn]] void refuse_data(const fs::path& where, fmt::format_string<Values...> sentence, Values&&... values) {
  throw DataError(where.string() + ": " + fmt::format(sentence, std::forward<Values>(values)...));
}

constexpr std::string_view install =
    "Install it with `apt install dataset-fashion-mnist`, or name a folder of IDX files, on the command line with "
    "--data DIR.";

void refuse_if_closed(const fs::path& folder, const std::error_code& failed) {
  if (failed == std::errc::permission_denied) refuse_data(folder, "can't be read. Check its permissions.");
}

fs::path find_file(const fs::path& folder, std::string_view name) {
  for (const fs::path& path : {folder / name, folder / fmt::format("{}.gz", name)}) {
    std::error_code failed;
    if (fs::exists(path, failed)) return path;
    refuse_if_closed(folder, failed);
  }
  refuse_data(folder, "has no file {}, neither plain nor with .gz. {}", name, install);
}

Samples labelled(const IdxArray& images, const IdxArray& labels, std::string_view part, const fs::path& where) {
  if (images.shape.size() < 3)
    refuse_data(where,
                "the {} images have {} dimensions. Images are [count, height, width] or [count, channels, height, "
                "width]: put each file under its own name.",
                part, images.shape.size());
  if (labels.shape.size() != 1)
    refuse_data(where, "the {} labels have {} dimensions, not 1. Put each file under its own name.", part,
                labels.shape.size());
  if (images.shape[0] != labels.shape[0])
    refuse_data(where, "there are {} {} images and {} labels. Use files that belong together.", images.shape[0], part,
                labels.shape[0]);
  const auto label = std::ranges::find_if(labels.bytes, [](std::uint8_t value) { return value >= Dataset::classes; });
  if (label != labels.bytes.end())
    refuse_data(where, "the label of {} image {} (counted from 0) is {}. Labels must be 0 to {}.", part,
                label - labels.bytes.begin(), *label, Dataset::classes - 1);
  const bool coloured = images.shape.size() == 4;
  Samples all{.images = images.bytes,
              .labels = labels.bytes,
              .channels = coloured ? images.shape[1] : 1,
              .height = images.shape[coloured ? 2 : 1],
              .width = images.shape[coloured ? 3 : 2]};
  if (all.image_size() == 0) refuse_data(where, "the {} images have no pixels. Use files with images.", part);
  return all;
}

}  // namespace

Samples Samples::part(std::size_t begin, std::size_t count) const noexcept {
  begin = std::min(begin, this->count());
  count = std::min(count, this->count() - begin);
  Samples cut = *this;
  cut.images = images.subspan(begin * image_size(), count * image_size());
  cut.labels = labels.subspan(begin, count);
  return cut;
}

PixelStatistics pixel_statistics(const Samples& samples) {
  std::array<std::uint64_t, 256> count{};
  for (const std::uint8_t pixel : samples.images) ++count[pixel];
  std::uint64_t sum = 0, squares = 0;
  for (std::size_t value = 0; value < count.size(); ++value) {
    sum += count[value] * value;
    squares += count[value] * value * value;
  }
  if (samples.images.empty()) return {};
  const double pixels = static_cast<double>(samples.images.size());
  const double mean = static_cast<double>(sum) / pixels;
  const double variance = static_cast<double>(squares) / pixels - mean * mean;
  return {.mean = static_cast<float>(mean / 255.0),
          .deviation = variance > 0.0 ? static_cast<float>(std::sqrt(variance) / 255.0) : 1.0F};
}

Dataset::Dataset(IdxArray train_images, IdxArray train_labels, IdxArray test_images, IdxArray test_labels,
                 const fs::path& where)
    : train_images_(std::move(train_images)),
      train_labels_(std::move(train_labels)),
      test_images_(std::move(test_images)),
      test_labels_(std::move(test_labels)) {
  const Samples all = labelled(train_images_, train_labels_, "training", where);
  test_ = labelled(test_images_, test_labels_, "test", where);
  if (std::tuple(all.channels, all.height, all.width) != std::tuple(test_.channels, test_.height, test_.width))
    refuse_data(where, "training images are {}x{}x{} and test images {}x{}x{}. Use files that belong together.",
                all.channels, all.height, all.width, test_.channels, test_.height, test_.width);
  if (all.count() < 2 || test_.count() < 1)
    refuse_data(where, "has {} training and {} test images. At least 2 and 1 are needed.", all.count(), test_.count());
  const std::size_t validation = std::clamp<std::size_t>(all.count() / 12, 1, most_validation);
  train_ = all.first(all.count() - validation);
  validation_ = all.part(train_.count(), validation);
  statistics_ = pixel_statistics(train_);
}

Dataset fashion_mnist(const fs::path& folder) {
  std::error_code failed;
  if (fs::exists(folder, failed) && !fs::is_directory(folder, failed))
    refuse_data(folder, "isn't a folder. Name the one with the IDX files in it.");
  refuse_if_closed(folder, failed);
  if (!fs::is_directory(folder, failed)) refuse_data(folder, "there is no such data folder. {}", install);
  if (fs::is_empty(folder, failed) && !failed) refuse_data(folder, "the data folder is empty. {}", install);
  std::array<fs::path, 4> paths;
  std::ranges::transform(file_names, paths.begin(), [&](std::string_view name) { return find_file(folder, name); });
  // the two large files are unpacked at the same time
  auto test_images = std::async(std::launch::async, read_idx, paths[2]);
  IdxArray train_images = read_idx(paths[0]), train_labels = read_idx(paths[1]), test_labels = read_idx(paths[3]);
  return Dataset(std::move(train_images), std::move(train_labels), test_images.get(), std::move(test_labels), folder);
}

}  // namespace sidestep
