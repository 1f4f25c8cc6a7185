#include <gtest/gtest.h>

#include "kernels/support.hpp"

// Equal to the last bit: for any number of threads, and from run to run.
namespace sidestep::kernels::test {
namespace {

struct Outcome {
  std::vector<double> losses;
  std::vector<std::vector<float>> tensors;
  double validation = 0;
  bool operator==(const Outcome&) const = default;
};

class Reproducible : public testing::TestWithParam<CpuPath> {
 protected:
  Outcome train(const NetworkSpec& spec, int threads, const std::vector<std::uint32_t>& batches,
                const Optimizer& optimizer) {
    const Images images(spec, 1200, 11);
    auto session =
        make_cpu_session(spec, {.optimizer = optimizer, .seed = 9, .threads = threads, .slice = 8, .path = GetParam()});
    const DataId data = session->attach(images.view);
    Outcome outcome;
    std::uint64_t number = 0;
    for (const auto samples : batches) {
      ++number;
      outcome.losses.push_back(
          step(*session, data, range(static_cast<std::uint32_t>(number) * 3, samples), number).loss);
    }
    outcome.validation = session->evaluate(data, 100, 333).loss;
    outcome.tensors = all_values(*session);
    return outcome;
  }
};

TEST_P(Reproducible, WithOneTwoThreeAndFiveThreads) {
  const std::vector<std::uint32_t> batches{64, 64, 37, 1, 64};
  const NetworkSpec dropping{{1, 7, 5}, {Dropout{0.1f}, Dense{37}, Dropout{0.5f}, Dense{4, false}}};
  for (const auto& spec : {small_lenet(), perceptron(), small_resnet(), dropping}) {
    const auto one = train(spec, 1, batches, AdamW{});
    for (const int threads : {2, 3, 5}) EXPECT_TRUE(one == train(spec, threads, batches, AdamW{})) << threads;
    for (const int threads : {1, 3}) EXPECT_TRUE(one == train(spec, threads, batches, AdamW{})) << "again, " << threads;
  }
}

TEST_P(Reproducible, WithBatchesOfMoreSlicesThanThereAreGroups) {
  const std::vector<std::uint32_t> batches{1100, 520};  // slices of 8: 138, three to a group; 65, two to a group
  for (const auto& spec : {small_lenet(), small_resnet()}) {
    const auto one = train(spec, 1, batches, Sgd{});
    EXPECT_TRUE(one == train(spec, 3, batches, Sgd{}));
  }
}

TEST_P(Reproducible, ResNet8WithOneTwoAndThreeThreads) {
  const std::vector<std::uint32_t> batches{40, 21};
  const auto one = train(resnet8(), 1, batches, AdamW{});
  for (const int threads : {2, 3}) EXPECT_TRUE(one == train(resnet8(), threads, batches, AdamW{})) << threads;
}

class ReproducibleAfterRelease : public Reproducible {
 protected:
  void expect(const NetworkSpec& spec);
};

TEST_P(ReproducibleAfterRelease, OfMemory) {
  expect(small_lenet());
  expect(small_resnet());
}

void ReproducibleAfterRelease::expect(const NetworkSpec& spec) {
  const Images images(spec, 100, 11);
  const auto run = [&](bool release) {
    auto session = make_cpu_session(spec, {.threads = 2, .path = GetParam()});
    const DataId data = session->attach(images.view);
    for (std::uint64_t number = 1; number <= 3; ++number) {
      step(*session, data, range(0, 50), number);
      if (release) {
        EXPECT_GT(session->release_memory(), 10000u);
      }
    }
    if (release) {
      EXPECT_EQ(session->release_memory(), 0u);
    }
    return all_values(*session);
  };
  EXPECT_EQ(run(false), run(true));
}

TEST_P(Reproducible, WhateverIsAnnouncedAsUpcoming) {
  const auto spec = small_lenet();
  const Images images(spec, 100, 11);
  const auto run = [&](const std::vector<std::uint32_t>& upcoming) {
    auto session = make_cpu_session(spec, {.threads = 1, .path = GetParam()});
    const DataId data = session->attach(images.view);
    session->submit(data, range(0, 50), {.step = 1, .upcoming = upcoming});
    return all_values(*session);
  };
  EXPECT_EQ(run({}), run(range(40, 7)));
  EXPECT_EQ(run({}), run(range(0, 100)));
  EXPECT_EQ(run({}), run({4000000000u}));
}

INSTANTIATE_TEST_SUITE_P(On, ReproducibleAfterRelease, testing::ValuesIn(paths()), path_name);
INSTANTIATE_TEST_SUITE_P(On, Reproducible, testing::ValuesIn(paths()), path_name);

}  // namespace
}  // namespace sidestep::kernels::test
