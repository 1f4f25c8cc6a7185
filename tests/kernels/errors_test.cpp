#include <gtest/gtest.h>

#include "kernels/support.hpp"

namespace sidestep::kernels::test {
namespace {

TEST(NetworkSpec, ThatDoesNotFitTogetherIsRefused) {
  EXPECT_THROW(output_shapes({{1, 4, 4}, {}}), ShapeError);
  EXPECT_THROW(output_shapes({{1, 4, 4}, {Dense{3}}}), ShapeError) << "the last layer has a ReLU";
  EXPECT_THROW(output_shapes({{1, 4, 4}, {Convolution{3}}}), ShapeError);
  EXPECT_THROW(output_shapes({{0, 4, 4}, {Dense{3, false}}}), ShapeError);
  EXPECT_THROW(output_shapes({{1, 5, 4}, {Convolution{3}, Dense{3, false}}}), ShapeError) << "5 rows can't be pooled";
  EXPECT_THROW(output_shapes({{1, 6, 6}, {Convolution{3}, Convolution{3}, Dense{3, false}}}), ShapeError);
  EXPECT_THROW(output_shapes({{1, 4, 4}, {Convolution{3, 4}, Dense{3, false}}}), ShapeError) << "an even kernel";
  EXPECT_THROW(output_shapes({{1, 4, 4}, {Convolution{0}, Dense{3, false}}}), ShapeError);
  EXPECT_THROW(output_shapes({{1, 4, 4}, {Dense{0, false}}}), ShapeError);
  EXPECT_THROW(output_shapes({{1, 4, 4}, {Dense{4}, Convolution{3}, Dense{3, false}}}), ShapeError);
  EXPECT_THROW(output_shapes({{1, 4, 4}, {NormalisedConvolution{0}, Dense{3, false}}}), ShapeError);
  EXPECT_THROW(output_shapes({{1, 4, 4}, {NormalisedConvolution{3, 3, 0}, Dense{3, false}}}), ShapeError) << "stride 0";
  EXPECT_THROW(output_shapes({{1, 4, 4}, {Dense{4}, Residual{3}, Dense{3, false}}}), ShapeError);
  EXPECT_THROW(output_shapes({{1, 4, 4}, {Dense{4}, Dropout{0.5f}, Residual{3}, Dense{3, false}}}), ShapeError);
  EXPECT_THROW(output_shapes({{1, 4, 4}, {Dense{4}, GlobalAveragePool{}, Dense{3, false}}}), ShapeError);
  EXPECT_THROW(output_shapes({{1, 4, 4}, {Dropout{1.0f}, Dense{3, false}}}), ShapeError) << "nothing would be left";
  EXPECT_THROW(output_shapes({{1, 4, 4}, {Dropout{-0.1f}, Dense{3, false}}}), ShapeError);
  EXPECT_THROW(make_cpu_session({{1, 4, 4}, {Dense{3}}}), ShapeError);
}

TEST(NetworkSpec, LeNetHasTheSizesThatTheyGiveIt) {
  const auto infos = parameters(lenet());
  std::size_t total = 0;
  for (const auto& info : infos) total += info.size();
  EXPECT_EQ(total, 400u + 16 + 12800 + 32 + 1568 * 128 + 128 + 1280 + 10);
  EXPECT_EQ(classes(lenet()), 10u);
  EXPECT_EQ(output_shapes(lenet())[1], (Shape{32, 7, 7}));
}

TEST(NetworkSpec, ResNet8HasTheSizesThatTheyGiveIt) {
  std::size_t trained = 0, running = 0;
  for (const auto& info : parameters(resnet8())) (info.trained ? trained : running) += info.size();
  const std::size_t convolutions = 144 + 2 * 2304 + (4608 + 9216 + 512) + (18432 + 36864 + 2048);
  EXPECT_EQ(trained, convolutions + 2 * (3 * 16 + 3 * 32 + 3 * 64) + 650);
  EXPECT_EQ(running, 2u * (3 * 16 + 3 * 32 + 3 * 64));
  EXPECT_EQ(output_shapes(resnet8())[2], (Shape{32, 14, 14}));
  EXPECT_EQ(output_shapes(resnet8())[3], (Shape{64, 7, 7}));
  EXPECT_EQ(output_shapes(resnet8())[4], (Shape{64, 1, 1}));
}

TEST(CpuSession, RefusesABatchThatHasNoVariance) {
  const NetworkSpec spec{{3, 2, 2}, {NormalisedConvolution{4, 3, 2}, Dense{3, false}}};
  const Images images(spec, 20, 2);
  auto session = make_cpu_session(spec, {.threads = 1});
  const DataId data = session->attach(images.view);
  const auto before = all_values(*session);
  EXPECT_THROW(session->submit(data, range(0, 1), {}), ShapeError);
  EXPECT_EQ(all_values(*session), before);
  EXPECT_NO_THROW(session->submit(data, range(0, 2), {}));
  EXPECT_EQ(session->evaluate(data, 0, 1).samples, 1u);
}

TEST(CpuSession, RefusesAPathThatTheCpuLacks) {
  for (const auto path : {CpuPath::avx2, CpuPath::avx512})
    if (!supported(path)) {
      EXPECT_THROW(make_cpu_session(perceptron(), {.path = path}), UnsupportedError);
    }
  EXPECT_NO_THROW(make_cpu_session(perceptron(), {.path = CpuPath::automatic}));
}

TEST(CpuSession, RefusesDataThatTheNetworkCannotTake) {
  const auto spec = perceptron();
  Images images(spec, 20, 2);
  auto session = make_cpu_session(spec, {.threads = 1});
  images.labels[7] = 4;  // of four classes
  try {
    session->attach(images.view);
    FAIL() << "label 4 of 4 classes was taken";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("sample 7: label 4"), std::string::npos) << error.what();
  }
  images.labels[7] = 3;
  EXPECT_THROW(session->attach({}), DataError);
  auto flat = images.view;
  flat.deviation = 0.0f;
  EXPECT_THROW(session->attach(flat), DataError);
}

TEST(CpuSession, ARefusedStepHasNotBegun) {
  const auto spec = perceptron();
  const Images images(spec, 20, 2);
  auto session = make_cpu_session(spec, {.threads = 1});
  const DataId data = session->attach(images.view);
  const auto before = all_values(*session);
  EXPECT_THROW(session->submit(data, {}, {}), ShapeError);
  EXPECT_THROW(session->submit(data, range(15, 6), {}), DataError);
  EXPECT_THROW(session->submit(static_cast<DataId>(5), range(0, 4), {}), DataError);
  EXPECT_THROW(session->evaluate(data, 10, 11), DataError);
  EXPECT_THROW(session->evaluate(data, 21, 0), DataError);
  EXPECT_EQ(session->in_flight(), 0u);
  EXPECT_EQ(all_values(*session), before);
}

TEST(CpuSession, RefusesASliceOfNothing) { EXPECT_THROW(make_cpu_session(perceptron(), {.slice = 0}), ShapeError); }

}  // namespace
}  // namespace sidestep::kernels::test
