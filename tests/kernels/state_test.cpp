#include <gtest/gtest.h>

#include "kernels/support.hpp"

namespace sidestep::kernels::test {
namespace {

class SessionState : public testing::TestWithParam<CpuPath> {
 protected:
  std::unique_ptr<Session> make(const NetworkSpec& spec, const Optimizer& optimizer = AdamW{}, std::uint64_t seed = 4) {
    return make_cpu_session(spec, {.optimizer = optimizer, .seed = seed, .threads = 1, .path = GetParam()});
  }
};

TEST_P(SessionState, TensorsAreNamedAndShapedAsInPyTorch) {
  const auto adamw = make(lenet()), sgd = make(lenet(), Sgd{});
  std::vector<std::string> names;
  for (const auto& tensor : adamw->tensors()) names.push_back(tensor.name);
  EXPECT_EQ(names[0], "conv1.weight");
  EXPECT_EQ(names[7], "dense2.bias");
  EXPECT_EQ(names[8], "conv1.weight.m");
  EXPECT_EQ(names[23], "dense2.bias.v");
  EXPECT_EQ(names.size(), 24u);
  EXPECT_EQ(sgd->tensors().size(), 16u);
  EXPECT_EQ(sgd->tensors()[8].name, "conv1.weight.momentum");
  EXPECT_EQ(adamw->tensors()[2].shape, (std::vector<std::size_t>{32, 16, 5, 5}));
  EXPECT_EQ(adamw->tensors()[4].shape, (std::vector<std::size_t>{128, 1568}));
  EXPECT_TRUE(adamw->tensors()[7].weight);
  EXPECT_FALSE(adamw->tensors()[8].weight);
}

TEST_P(SessionState, WhatIsWrittenIsRead) {
  for (const auto& spec : {small_lenet(), perceptron(), NetworkSpec{{3, 4, 6}, {Convolution{5, 3}, Dense{3, false}}}}) {
    auto session = make(spec);
    for (std::size_t i = 0; i < session->tensors().size(); ++i) {
      const auto given = floats(random_values(session->tensors()[i].size, 1.0, static_cast<std::uint32_t>(i)));
      session->write(i, given);
      EXPECT_EQ(values(*session, i), given) << session->tensors()[i].name;
    }
  }
}

TEST_P(SessionState, TheSeedDecidesTheFirstWeightsOnEveryPath) {
  const auto session = make(lenet(), AdamW{}, 77);
  const auto infos = parameters(lenet());
  for (std::size_t i = 0; i < infos.size(); ++i) {
    std::vector<float> expected(infos[i].size());
    fill_initial(infos[i], static_cast<std::uint32_t>(i), 77, expected);
    EXPECT_EQ(values(*session, i), expected) << infos[i].name;
  }
}

TEST_P(SessionState, ARestoredSnapshotTrainsOnAsIfNothingHadHappened) {
  const auto spec = small_lenet();
  const Images images(spec, 50, 2);
  auto session = make(spec);
  const DataId data = session->attach(images.view);
  step(*session, data, range(0, 50), 1);
  auto kept = session->snapshot(Contents::everything);
  const auto at_snapshot = all_values(*session);
  const double next = step(*session, data, range(0, 40), 2).loss;
  const double after = step(*session, data, range(0, 40), 3).loss;
  session->restore(*kept);
  EXPECT_EQ(all_values(*session), at_snapshot);
  EXPECT_EQ(step(*session, data, range(0, 40), 2).loss, next);
  EXPECT_EQ(step(*session, data, range(0, 40), 3).loss, after);

  std::vector<float> from_snapshot(session->tensors().back().size);
  session->read(*kept, session->tensors().size() - 1, from_snapshot);
  EXPECT_EQ(from_snapshot, at_snapshot.back());

  // The tensors written one by one are the same state, in another session.
  auto other = make(spec, AdamW{}, 1234);
  const DataId its_data = other->attach(images.view);
  for (std::size_t i = 0; i < at_snapshot.size(); ++i) other->write(i, at_snapshot[i]);
  EXPECT_EQ(step(*other, its_data, range(0, 40), 2).loss, next);
  EXPECT_EQ(step(*other, its_data, range(0, 40), 3).loss, after);
}

TEST_P(SessionState, ASnapshotOfWeightsLeavesTheOptimizerAlone) {
  const auto spec = perceptron();
  const Images images(spec, 50, 2);
  auto session = make(spec);
  const DataId data = session->attach(images.view);
  step(*session, data, range(0, 50), 1);
  const auto before = all_values(*session);
  auto kept = session->snapshot(Contents::weights);
  EXPECT_EQ(kept->contents(), Contents::weights);
  step(*session, data, range(0, 50), 2);
  const auto later = all_values(*session);
  session->restore(*kept);
  const auto now = all_values(*session);
  EXPECT_EQ(now[0], before[0]);
  EXPECT_EQ(now.back(), later.back());
  std::vector<float> state(session->tensors().back().size);
  EXPECT_THROW(session->read(*kept, session->tensors().size() - 1, state), ShapeError);
}

TEST_P(SessionState, AReusedSnapshotHoldsTheNewValues) {
  auto session = make(perceptron());
  auto kept = session->snapshot(Contents::weights);
  const Snapshot* memory = kept.get();
  session->initialise(99);
  kept = session->snapshot(Contents::everything, std::move(kept));
  EXPECT_EQ(kept.get(), memory);
  EXPECT_EQ(kept->contents(), Contents::everything);
  std::vector<float> weights(session->tensors()[0].size);
  session->read(*kept, 0, weights);
  EXPECT_EQ(weights, values(*session, 0));
}

TEST_P(SessionState, ForeignSnapshotsAndSizesAreRefused) {
  auto session = make(perceptron()), other = make(small_lenet());
  EXPECT_THROW(session->restore(*other->snapshot(Contents::everything)), ShapeError);
  std::vector<float> one(1);
  EXPECT_THROW(session->read(0, one), ShapeError);
  EXPECT_THROW(session->write(0, one), ShapeError);
  EXPECT_THROW(session->read(999, one), ShapeError);
}

INSTANTIATE_TEST_SUITE_P(On, SessionState, testing::ValuesIn(paths()), path_name);

}  // namespace
}  // namespace sidestep::kernels::test
