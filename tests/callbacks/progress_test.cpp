#include "callbacks/fake_run.hpp"
#include "scratch_folder.hpp"

#include <sidestep/trainer/callbacks/progress.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace sidestep::test {
namespace {

constexpr Nanoseconds second = 1'000'000'000;

/// The gate and the printer behind each other, fed by hand.
struct Shown {
  struct Out {
    Shown* shown;
    void operator()(const ProgressPoint& point) const { shown->printer(point); }
    Nanoseconds stamp() const { return shown->now; }
  };
  explicit Shown(bool terminal, Nanoseconds interval, int columns = 120)
      : gate(interval), printer([this](std::string_view part) { text += part; }, terminal, columns) {}

  template <Event E>
  void operator()(const E& event) {
    Slot slot{};
    slot.type = E::id;
    std::memcpy(slot.body, &event, sizeof event);
    gate(ProgressGate::In(slot), Out{this});
  }
  void step(Step at) {
    now += second;
    (*this)(BatchEnd{.step = at,
                     .loss = static_cast<double>(at),
                     .learning_rate = 0.002,
                     .accuracy = 0.5F,
                     .epoch = 1,
                     .samples = 100});
  }

  std::string text{};
  Nanoseconds now = 1'700'000'000 * second;
  ProgressGate gate;
  ProgressPrinter printer;
};

TEST(Progress, OnAPipeItSaysALineAnEpochAndNowAndThen) {
  Shown shown(false, 4 * second);
  shown(FitBegin{.steps_per_epoch = 10, .last_step = 20, .epoch = 1, .epochs = 2});
  shown(EpochBegin{.epoch = 1, .batches = 10});
  for (Step step = 1; step <= 10; ++step) shown.step(step);
  shown(Metric{.value = 0.25, .metric = intern("val/loss")});
  shown(EpochEnd{.step = 10, .seconds = 10, .samples = 1000, .epoch = 1});
  shown(TestEnd{.loss = 0.5, .accuracy = 0.75});
  EXPECT_EQ(shown.text,
            "epoch 1/2  step 4/20  loss 2.5000  accuracy 0.5000  100 samples/s  ETA 16s  lr 0.002\n"
            "epoch 1/2  step 8/20  loss 4.5000  accuracy 0.5000  100 samples/s  ETA 12s  lr 0.002\n"
            "epoch 1/2  val/loss 0.2500  lr 0.002  10.0s  100 samples/s\n"
            "test  loss 0.5000  accuracy 0.7500\n");
}

TEST(Progress, OnATerminalOneLineIsDrawnAnewAndFits) {
  Shown shown(true, 3 * second, 40);
  shown(FitBegin{.last_step = 6, .epoch = 1, .epochs = 1});
  for (Step step = 1; step <= 6; ++step) shown.step(step);
  shown(ValidationBegin{.step = 6, .epoch = 1});
  shown(EpochEnd{.step = 6, .seconds = 6, .samples = 600, .epoch = 1});
  shown(FitEnd{.step = 6});
  EXPECT_EQ(shown.text,
            "\repoch 1/1  step 3/6  loss 2.0000  accur\x1b[K"
            "\repoch 1/1  step 6/6  loss 3.5000  accur\x1b[K"
            "\repoch 1/1  step 6/6  validation ...\x1b[K"
            "\r\x1b[K"
            "epoch 1/1  lr 0.002  6.0s  100 samples/s\n");
}

TEST(Progress, WorksWithALoopThatSaysLittle) {
  Shown shown(false, second);
  shown(BatchEnd{.step = 1, .loss = 2});
  shown(EpochEnd{.step = 1, .epoch = 1});
  EXPECT_EQ(shown.text, "epoch 0  step 1  loss 2.0000  accuracy 0.0000\nepoch 1\n");
}

TEST(Progress, InARunItWritesOnAThreadOfItsOwn) {
  std::string text;
  FakeRun run{.callbacks = {progress({.terminal = false, .write = [&](std::string_view part) { text += part; }})}};
  run.test_at_end = true;
  run.go();
  EXPECT_EQ(run.failures, std::vector<std::string>{});
  EXPECT_NE(text.find("epoch 4/4  train/loss 0.0500  val/accuracy 0.8000  val/loss 0.2500"), std::string::npos) << text;
  EXPECT_NE(text.find("test  loss 0.2500  accuracy 0.7500\n"), std::string::npos) << text;
}

TEST(Progress, RefusesWhatCannotBe) {
  EXPECT_NE(complaint<CallbackError>([] { progress({.interval = 0}); }), "");
  EXPECT_NE(complaint<CallbackError>([] { progress({.interval = std::nan("")}); }), "");
  EXPECT_NE(complaint<CallbackError>([] { progress({.every = -1}); }), "");
}

}  // namespace
}  // namespace sidestep::test
