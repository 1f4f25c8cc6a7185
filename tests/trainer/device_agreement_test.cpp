// Both backends from the same weights on Fashion-MNIST: one step in every gradient, fifty steps in their losses.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <sidestep/kernels/reference/network.hpp>
#include <sidestep/trainer/data/dataset.hpp>
#include <sidestep/trainer/data/order.hpp>

#include <cuda/session_support.hpp>

namespace sidestep::kernels::cuda::test {
namespace {

constexpr std::uint32_t batch_size = 64, samples = 3200;

/// Elsewhere where a machine can't have Debian's package.
std::filesystem::path data_folder() {
  const char* said = std::getenv("SIDESTEP_DATA");
  return said ? said : fashion_mnist_folder;
}

/// The first images, in the order of a run's first epoch.
struct FashionMnist {
  Dataset data = fashion_mnist(data_folder());
  DatasetView view{data.train().images.data(), data.train().labels.data(), samples, data.statistics().mean,
                   data.statistics().deviation};
  std::vector<std::uint32_t> order = epoch_order({.seed = 1, .epoch = 1}, samples);

  std::span<const std::uint32_t> batch(std::uint32_t number) const {
    return std::span(order).subspan(number * batch_size, batch_size);
  }
};

/// One session a backend, with the same weights. The CPU's convolutions are direct sums, as cuDNN's are: a Winograd
/// transform rounds otherwise, and another side of a tie between two pixels of a pool is another gradient.
struct Both {
  explicit Both(const NetworkSpec& spec, const FashionMnist& images)
      : device(make(spec, {.optimizer = Sgd{}})),
        cpu(make_cpu_session(spec, {.optimizer = Sgd{}, .seed = 4, .threads = 2, .winograd = false})),
        on_device(device->attach(images.view)),
        on_cpu(cpu->attach(images.view)) {}

  std::unique_ptr<Session> device, cpu;
  DataId on_device, on_cpu;
};

StepRecord do_step(Session& session, DataId data, std::span<const std::uint32_t> batch, std::uint64_t number,
                   double rate = 0.01) {
  session.submit(data, batch, {.learning_rate = rate, .step = number});
  return session.wait();
}

/// Nothing to learn from where Debian's package isn't installed.
bool missing() { return !std::filesystem::is_directory(data_folder()); }

void compare_one_step(const NetworkSpec& spec, std::span<const std::uint32_t> batch, const FashionMnist& images) {
  const Both both(spec, images);
  ASSERT_EQ(all_tensors(*both.device), all_tensors(*both.cpu));
  const StepRecord found = do_step(*both.device, both.on_device, batch, 1);
  const StepRecord expected = do_step(*both.cpu, both.on_cpu, batch, 1);
  EXPECT_NEAR(found.loss, expected.loss, 1e-5 * expected.loss);
  EXPECT_EQ(found.correct, expected.correct);
  const auto tensors = all_tensors(*both.device);
  std::size_t gradients = 0;
  double largest = 0;
  for (const auto& [name, values] : all_tensors(*both.cpu)) {
    if (!name.ends_with(".momentum")) continue;  // after SGD's first step a tensor's momentum is its gradient
    ++gradients;
    const double found_distance = distance(tensors.at(name), values);
    largest = std::max(largest, found_distance);
    EXPECT_LE(found_distance, 1e-5) << name;
    EXPECT_GT(*std::ranges::max_element(values), 0.0f) << name;
  }
  EXPECT_GE(gradients, 8u);
  std::printf("largest distance of a gradient: %.2g of its norm\n", largest);
}

/// The network's loss and gradients in double precision.
reference::NetworkPass<double> by_definition(const NetworkSpec& spec, std::span<const std::uint32_t> batch,
                                             const FashionMnist& images) {
  const auto session = make_cpu_session(spec, {.seed = 4, .threads = 1});
  std::vector<std::vector<double>> weights, rows;
  for (std::size_t i = 0; i < parameters(spec).size(); ++i) {
    const auto tensor = values(*session, i);
    weights.emplace_back(tensor.begin(), tensor.end());
  }
  std::vector<std::uint8_t> labels;
  for (const std::uint32_t index : batch) {
    const std::uint8_t* pixels = images.view.images + index * spec.input.size();
    auto& row = rows.emplace_back(spec.input.size());
    for (std::size_t i = 0; i < row.size(); ++i)
      row[i] = (pixels[i] / 255.0 - double{images.view.mean}) / double{images.view.deviation};
    labels.push_back(images.view.labels[index]);
  }
  return reference::network_pass<double>(spec, weights, rows, labels, {.seed = 4});
}

/// Each network with a rate at which it learns and doesn't yet blow up last bits.
void compare_fifty_steps(const NetworkSpec& spec, double rate, std::size_t batch, double tolerance) {
  if (missing()) GTEST_SKIP() << data_folder();
  const FashionMnist images;
  const Both both(spec, images);
  double largest = 0, seconds = 0, first = 0, last = 0;
  for (std::uint32_t i = 0; i < 50; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const double found = do_step(*both.device, both.on_device, images.batch(i).first(batch), i + 1, rate).loss;
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const double expected = do_step(*both.cpu, both.on_cpu, images.batch(i).first(batch), i + 1, rate).loss;
    largest = std::max(largest, std::abs(found - expected) / expected);
    (i == 0 ? first : last) = expected;
  }
  EXPECT_LE(largest, tolerance);
  EXPECT_LT(last, 0.9 * first);  // free steps of a network that stands still would agree too
  testing::Test::RecordProperty("emulated_steps_per_second", std::to_string(50 / seconds));
  std::printf("largest relative difference of a loss: %.2g; %.1f emulated steps of %zu a second\n", largest,
              50 / seconds, batch);
}

TEST(DeviceAndCpu, OneStepOfLenetHasTheSameLossAndGradients) {
  if (missing()) GTEST_SKIP() << data_folder();
  const FashionMnist images;
  compare_one_step(lenet(), images.batch(0), images);
}

TEST(DeviceAndCpu, OneStepOfResnet8HasTheSameLossAndGradients) {
  if (missing()) GTEST_SKIP() << data_folder();
  const FashionMnist images;
  const auto spec = resnet8();
  // eight images whose half a million values before ReLUs all lie farther from 0 than either backend rounds
  const auto batch = images.batch(3).first(8);
  const auto exact = by_definition(spec, batch, images);
  ASSERT_GT(exact.nearest_choice, 1e-5);
  compare_one_step(spec, batch, images);
}

TEST(DeviceAndCpu, FiftyStepsOfLenetHaveTheSameLosses) { compare_fifty_steps(lenet(), 0.01, 64, 1e-4); }
TEST(DeviceAndCpu, FiftyStepsOfResnet8HaveTheSameLosses) { compare_fifty_steps(resnet8(), 2e-3, 32, 1e-3); }

}  // namespace
}  // namespace sidestep::kernels::cuda::test
