#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include <sidestep/trainer/data/idx.hpp>

namespace sidestep {

/// A run of labelled images, somebody else's memory.
struct Samples {
  std::span<const std::uint8_t> images;  ///< [count, channels, height, width], row-major
  std::span<const std::uint8_t> labels;  ///< [count], each in [0, classes)
  std::size_t channels = 0, height = 0, width = 0;

  std::size_t count() const noexcept { return labels.size(); }
  std::size_t image_size() const noexcept { return channels * height * width; }
  /// `count` samples from `begin` on; both are cut to what there is.
  Samples part(std::size_t begin, std::size_t count) const noexcept;
  Samples first(std::size_t count) const noexcept { return part(0, count); }
};

/// What the pixels of a data set are like, as numbers between 0 and 1: a network sees (pixel / 255 - mean) / deviation.
struct PixelStatistics {
  float mean = 0.0F;
  float deviation = 1.0F;
};

/// Over all pixels of all channels; exact sums, so the same on every machine. A deviation of 0 is given as 1.
PixelStatistics pixel_statistics(const Samples& samples);

/// Images as unsigned bytes with their labels, in three parts. Move-only, since the parts point into it.
class Dataset {
 public:
  static constexpr std::size_t classes = 10;
  static constexpr std::size_t most_validation = 5'000;

  /// Takes the arrays of two IDX files each. Validation is the last 5,000 training images, or the last twelfth if that
  /// is fewer (in Fashion-MNIST it is the same). `where` names the folder in errors.
  /// Throws DataError: counts or sizes that disagree, a label out of range, too few images.
  Dataset(IdxArray train_images, IdxArray train_labels, IdxArray test_images, IdxArray test_labels,
          const std::filesystem::path& where);
  Dataset(Dataset&&) noexcept = default;
  Dataset& operator=(Dataset&&) noexcept = default;

  const Samples& train() const noexcept { return train_; }
  const Samples& validation() const noexcept { return validation_; }
  const Samples& test() const noexcept { return test_; }
  /// Of the training part.
  PixelStatistics statistics() const noexcept { return statistics_; }

 private:
  IdxArray train_images_, train_labels_, test_images_, test_labels_;
  Samples train_, validation_, test_;
  PixelStatistics statistics_;
};

/// Where Debian's package dataset-fashion-mnist puts the data.
inline constexpr const char* fashion_mnist_folder = "/usr/share/datasets/fashion-mnist";

/// Reads `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`,
/// each plain or with `.gz`, from a folder. 55,000 / 5,000 / 10,000 images for Fashion-MNIST. Throws DataError.
Dataset fashion_mnist(const std::filesystem::path& folder = fashion_mnist_folder);

}  // namespace sidestep
