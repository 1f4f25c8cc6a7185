#include <gtest/gtest.h>

#include <chrono>

#include <trainer/idx_files.hpp>
#include <sidestep/trainer/data/dataset.hpp>

namespace sidestep {
namespace {

using namespace test;

class DataFolder : public testing::Test {
 protected:
  DataFolder() { write_small_data(folder_.path()); }

  std::string said() {
    const std::string found = complaint<DataError>([&] { fashion_mnist(folder_.path()); });
    const std::string prefix = folder_.path().string();
    EXPECT_TRUE(found.empty() || found.starts_with(prefix)) << found;
    return found.empty() ? found : found.substr(prefix.size());
  }

  ScratchFolder folder_;
};

const std::string install =
    " Install it with `apt install dataset-fashion-mnist`, or name a folder of IDX files, on the command line with "
    "--data DIR.";

TEST_F(DataFolder, GivesTrainingValidationAndTest) {
  const Dataset data = fashion_mnist(folder_.path());
  EXPECT_EQ(data.train().count(), 22U);
  EXPECT_EQ(data.validation().count(), 2U);  // a twelfth, the last ones
  EXPECT_EQ(data.test().count(), 5U);
  EXPECT_EQ(data.train().image_size(), 6U);
  EXPECT_EQ(data.train().images.size(), 22U * 6);
  EXPECT_EQ(data.validation().images[0], 22);
  EXPECT_EQ(data.validation().labels[1], 3);
  EXPECT_EQ(data.test().images[4 * 6], 4);
}

TEST_F(DataFolder, PartsPointIntoItWhenItMoves) {
  Dataset data = fashion_mnist(folder_.path());
  const Dataset moved = std::move(data);
  EXPECT_EQ(moved.validation().images[0], 22);
}

TEST_F(DataFolder, PartsAreCutToWhatThereIs) {
  const Dataset data = fashion_mnist(folder_.path());
  EXPECT_EQ(data.train().first(3).count(), 3U);
  EXPECT_EQ(data.train().first(3).images.size(), 18U);
  EXPECT_EQ(data.train().first(1000).count(), 22U);
  EXPECT_EQ(data.train().part(20, 1000).images[0], 20);
  EXPECT_EQ(data.train().part(30, 1).count(), 0U);
}

TEST_F(DataFolder, CanHoldColour) {
  write_text(folder_ / "train-images-idx3-ubyte", idx({24, 3, 1, 2}, std::string(24 * 6, 'x')));
  write_text(folder_ / "t10k-images-idx3-ubyte", idx({5, 3, 1, 2}, std::string(5 * 6, 'x')));
  const Samples train = fashion_mnist(folder_.path()).train();
  EXPECT_EQ(train.channels, 3U);
  EXPECT_EQ(train.height, 1U);
  EXPECT_EQ(train.width, 2U);
}

TEST_F(DataFolder, NamesAMissingOrEmptyFolderOrFile) {
  EXPECT_EQ(complaint<DataError>([&] { fashion_mnist("no/folder"); }),
            "no/folder: there is no such data folder." + install);
  std::filesystem::create_directory(folder_ / "empty");
  EXPECT_EQ(complaint<DataError>([&] { fashion_mnist(folder_ / "empty"); }),
            (folder_ / "empty").string() + ": the data folder is empty." + install);
  EXPECT_EQ(complaint<DataError>([&] { fashion_mnist(folder_ / "t10k-images-idx3-ubyte"); }),
            (folder_ / "t10k-images-idx3-ubyte").string() + ": isn't a folder. Name the one with the IDX files in it.");
  std::filesystem::remove(folder_ / "t10k-images-idx3-ubyte");
  EXPECT_EQ(said(), ": has no file t10k-images-idx3-ubyte, neither plain nor with .gz." + install);
}

TEST_F(DataFolder, NamesWhatDisagrees) {
  write_text(folder_ / "train-labels-idx1-ubyte", some_labels(23));
  EXPECT_EQ(said(), ": there are 24 training images and 23 labels. Use files that belong together.");
  write_text(folder_ / "train-labels-idx1-ubyte", idx({24}, std::string(23, '\0') + '\x0a'));
  EXPECT_EQ(said(), ": the label of training image 23 (counted from 0) is 10. Labels must be 0 to 9.");
  write_text(folder_ / "train-labels-idx1-ubyte", some_images(24));
  EXPECT_EQ(said(), ": the training labels have 3 dimensions, not 1. Put each file under its own name.");
  write_text(folder_ / "train-labels-idx1-ubyte", some_labels(24));
  write_text(folder_ / "t10k-images-idx3-ubyte", idx({5, 3, 2}, std::string(30, 'x')));
  EXPECT_EQ(said(), ": training images are 1x2x3 and test images 1x3x2. Use files that belong together.");
  write_text(folder_ / "t10k-images-idx3-ubyte", some_labels(5));
  EXPECT_EQ(
      said(),
      ": the test images have 1 dimensions. Images are [count, height, width] or [count, channels, height, width]: put "
      "each file under its own name.");
  write_text(folder_ / "t10k-images-idx3-ubyte", idx({5, 0, 3}, ""));
  EXPECT_EQ(said(), ": the test images have no pixels. Use files with images.");
  write_text(folder_ / "t10k-images-idx3-ubyte", idx({0, 2, 3}, ""));
  write_text(folder_ / "t10k-labels-idx1-ubyte", idx({0}, ""));
  EXPECT_EQ(said(), ": has 24 training and 0 test images. At least 2 and 1 are needed.");
}

TEST_F(DataFolder, NamesTheDamagedFile) {
  write_text(folder_ / "train-images-idx3-ubyte.gz", gzip(some_images(24)).substr(0, 40));
  EXPECT_TRUE(said().starts_with("/train-images-idx3-ubyte.gz: its gzip data is cut off. ")) << said();
}

TEST(PixelStatistics, AreMeanAndDeviationOfPixelsBetween0And1) {
  const std::vector<std::uint8_t> pixels{0, 255, 0, 255};
  Samples samples{.images = pixels, .labels = {}, .channels = 1, .height = 1, .width = 2};
  EXPECT_FLOAT_EQ(pixel_statistics(samples).mean, 0.5F);
  EXPECT_FLOAT_EQ(pixel_statistics(samples).deviation, 0.5F);
  const std::vector<std::uint8_t> flat(4, 51);
  samples.images = flat;
  EXPECT_FLOAT_EQ(pixel_statistics(samples).mean, 0.2F);
  EXPECT_EQ(pixel_statistics(samples).deviation, 1.0F);
}

TEST(FashionMnist, HasItsKnownSizesAndStatistics) {
  ASSERT_TRUE(std::filesystem::exists(fashion_mnist_folder))
      << "needs the package dataset-fashion-mnist: ./dev setup installs it";
  const auto begin = std::chrono::steady_clock::now();
  const Dataset data = fashion_mnist();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  RecordProperty("seconds", std::to_string(taken.count()));
  EXPECT_EQ(data.train().count(), 55'000U);
  EXPECT_EQ(data.validation().count(), 5'000U);
  EXPECT_EQ(data.test().count(), 10'000U);
  EXPECT_EQ(data.train().image_size(), 784U);
  // 0.2860 and 0.3530 are everybody's numbers for all 60,000
  EXPECT_NEAR(data.statistics().mean, 0.2860, 0.0005);
  EXPECT_NEAR(data.statistics().deviation, 0.3530, 0.0005);
  EXPECT_EQ(data.train().labels[0], 9);  // an ankle boot
}

}  // namespace
}  // namespace sidestep
