#include <gtest/gtest.h>

#include "kernels/support.hpp"

namespace sidestep::kernels::test {
namespace {

class CpuSession : public testing::TestWithParam<CpuPath> {
 protected:
  std::unique_ptr<Session> make(const NetworkSpec& spec, const Optimizer& optimizer = AdamW{}) {
    return make_cpu_session(spec, {.optimizer = optimizer, .seed = 4, .threads = 2, .path = GetParam()});
  }
};

TEST_P(CpuSession, LearnsWhatIsThereToLearn) {
  for (const auto& spec : {small_lenet(), perceptron(), small_resnet()})
    for (const Optimizer& optimizer : {Optimizer{AdamW{}}, Optimizer{Sgd{}}}) {
      const Images images(spec, 600, 2);
      auto session = make(spec, optimizer);
      const DataId data = session->attach(images.view);
      const auto before = session->evaluate(data, 500, 100);
      std::uint64_t number = 0;
      for (int epoch = 0; epoch < 10; ++epoch)
        for (std::uint32_t first = 0; first < 500; first += 50)
          step(*session, data, range(first, 50), ++number, std::holds_alternative<Sgd>(optimizer) ? 3e-2 : 5e-3);
      const auto after = session->evaluate(data, 500, 100);
      EXPECT_LT(after.loss, before.loss / 2);
      EXPECT_GT(after.accuracy(), 0.9);
    }
}

TEST_P(CpuSession, RecordsComeInOrderAndOnlyOnce) {
  const auto spec = perceptron();
  const Images images(spec, 40, 2);
  auto session = make(spec);
  const DataId data = session->attach(images.view);
  StepRecord record;
  EXPECT_FALSE(session->poll(record));
  for (std::uint64_t number = 1; number <= 3; ++number)
    session->submit(data, range(0, 9 + static_cast<std::uint32_t>(number)), {.step = number});
  EXPECT_EQ(session->in_flight(), 3u);
  for (std::uint64_t number = 1; number <= 2; ++number) {
    ASSERT_TRUE(session->poll(record));
    EXPECT_EQ(record.step, number);
    EXPECT_EQ(record.samples, 9 + number);
  }
  EXPECT_EQ(session->wait().step, 3u);
  EXPECT_FALSE(session->poll(record));
  EXPECT_EQ(session->in_flight(), 0u);
  EXPECT_THROW(session->wait(), Error);
}

TEST_P(CpuSession, EvaluationOfPartsAddsUpToTheWhole) {
  const auto spec = small_lenet();
  const Images images(spec, 100, 2);
  auto session = make(spec);
  const DataId data = session->attach(images.view);
  const auto all = session->evaluate(data, 0, 100), left = session->evaluate(data, 0, 33),
             right = session->evaluate(data, 33, 67);
  EXPECT_EQ(all.samples, 100u);
  EXPECT_EQ(all.correct, left.correct + right.correct);
  EXPECT_NEAR(all.loss * 100, left.loss * 33 + right.loss * 67, 1e-4);
  EXPECT_EQ(session->evaluate(data, 50, 0).samples, 0u);
}

TEST_P(CpuSession, ALossIsTheOneBeforeTheUpdate) {
  const auto spec = small_lenet();
  const Images images(spec, 30, 2);
  auto session = make(spec);
  const DataId data = session->attach(images.view);
  const auto before = session->evaluate(data, 0, 30);
  const auto record = step(*session, data, range(0, 30), 1);
  EXPECT_NEAR(record.loss, before.loss, 1e-6);
  EXPECT_EQ(record.correct, before.correct);
  EXPECT_LT(session->evaluate(data, 0, 30).loss, before.loss);
}

TEST_P(CpuSession, TwoDataSetsAreKeptApart) {
  const auto spec = perceptron();
  const Images a(spec, 20, 2), b(spec, 30, 3);
  auto session = make(spec);
  const DataId first = session->attach(a.view), second = session->attach(b.view);
  EXPECT_NE(session->evaluate(first, 0, 20).loss, session->evaluate(second, 0, 20).loss);
  EXPECT_EQ(session->evaluate(second, 0, 30).samples, 30u);
}

TEST_P(CpuSession, SaysWhatComputes) {
  EXPECT_EQ(make(perceptron())->description(), std::string("cpu ") + name(GetParam()) + ", 2 threads");
}

INSTANTIATE_TEST_SUITE_P(On, CpuSession, testing::ValuesIn(paths()), path_name);

}  // namespace
}  // namespace sidestep::kernels::test
