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

TEST(Progress, ATerminalOf80ColumnsHasRoomForAllOfALongRun) {
  Shown shown(true, 1 * second, 80);
  shown(FitBegin{.last_step = 21500, .epoch = 10, .epochs = 10});
  shown.now += 10 * second;
  shown(BatchEnd{
      .step = 12345, .loss = 0.1765, .learning_rate = 1.29e-7, .accuracy = 0.9359F, .epoch = 10, .samples = 64});
  ASSERT_NE(shown.text.rfind('\r'), std::string::npos);
  std::string line = shown.text.substr(shown.text.rfind('\r') + 1);
  line.resize(line.find('\x1b'));
  EXPECT_LE(line.size(), 79U);
  for (const char* const field : {"epoch 10/10", "12345/21500", "loss ", "acc ", "/s", "ETA ", "lr 1.3e-07"})
    EXPECT_NE(line.find(field), std::string::npos) << field << " in " << line;
}

TEST(Progress, OnATerminalOneLineIsDrawnAnewAndFits) {
  Shown shown(true, 3 * second, 40);
  shown(FitBegin{.last_step = 6, .epoch = 1, .epochs = 1});
  for (Step step = 1; step <= 6; ++step) shown.step(step);
  shown(ValidationBegin{.step = 6, .epoch = 1});
  shown(EpochEnd{.step = 6, .seconds = 6, .samples = 600, .epoch = 1});
  shown(FitEnd{.step = 6});
  EXPECT_EQ(shown.text,
            "\repoch 1/1 3/6 loss 2.0000 acc 0.5000 10\x1b[K"
            "\repoch 1/1 6/6 loss 3.5000 acc 0.5000 10\x1b[K"
            "\repoch 1/1  step 6/6  validation ...\x1b[K"
            "\r\x1b[K"
            "epoch 1/1  lr 0.002  6.0s  100 samples/s\n");
}

TEST(Progress, AnEpochThatIsCutShortHasItsLossAndAccuracySoFar) {
  Shown shown(false, 100 * second);
  shown(FitBegin{.steps_per_epoch = 10, .last_step = 30, .epoch = 1, .epochs = 3});
  shown(EpochBegin{.epoch = 1, .batches = 10});
  for (Step step = 1; step <= 4; ++step) shown.step(step);
  shown(EpochEnd{.step = 4, .seconds = 4, .samples = 400, .epoch = 1, .partial = true});
  // nothing trained in this process: nothing known
  shown(EpochEnd{.step = 4, .epoch = 1, .partial = true});
  EXPECT_EQ(shown.text,
            "epoch 1/3 (cut short at step 4)  loss 2.5000  accuracy 0.5000  lr 0.002  4.0s  100 samples/s\n"
            "epoch 1/3 (cut short at step 4)  lr 0.002\n");
}

TEST(Progress, SaysNanWhateverItsSign) {
  Shown shown(false, second);
  shown(FitBegin{.last_step = 2, .epoch = 1, .epochs = 1});
  shown(BatchEnd{.step = 1, .loss = -std::nan(""), .epoch = 1});
  shown(Metric{.value = -std::nan(""), .metric = intern("val/loss")});
  shown.now += 2 * second;
  shown(BatchEnd{.step = 2, .loss = -std::nan(""), .epoch = 1});
  shown(EpochEnd{.step = 2, .epoch = 1});
  shown(TestEnd{.loss = -std::nan(""), .accuracy = 0.1});
  EXPECT_EQ(shown.text.find("-nan"), std::string::npos) << shown.text;
  EXPECT_NE(shown.text.find("val/loss nan"), std::string::npos) << shown.text;
  EXPECT_NE(shown.text.find("step 2/2  loss nan"), std::string::npos) << shown.text;
  EXPECT_NE(shown.text.find("test  loss nan"), std::string::npos) << shown.text;
}

TEST(Progress, ShowsALearningRateOfZero) {
  Shown shown(false, second);
  shown(FitBegin{.last_step = 3, .epoch = 1, .epochs = 1});
  for (const double rate : {0.5, 0.0, 0.0}) {
    shown.now += 2 * second;
    shown(BatchEnd{.step = 1, .learning_rate = rate, .epoch = 1});
    EXPECT_TRUE(shown.text.ends_with(rate > 0 ? "  lr 0.5\n" : "  lr 0\n")) << shown.text;
  }
  shown(EpochEnd{.step = 3, .seconds = 1, .samples = 10, .epoch = 1});
  EXPECT_TRUE(shown.text.ends_with("epoch 1/1  lr 0  1.0s  10 samples/s\n")) << shown.text;
}

TEST(Progress, ShowsALearningRateOfZeroFromTheFirstStepOfALoopThatHasOne) {
  for (const bool has_one : {true, false}) {
    std::string text;
    FakeRun run{.callbacks = {progress(
                    {.every = 1e-9, .terminal = false, .write = [&](std::string_view part) { text += part; }})}};
    if (has_one) run.asked_rate = 0.5;
    run.schedule.base = 0;
    run.steps = 3;
    run.go();
    EXPECT_EQ(text.find("lr 0") != std::string::npos, has_one) << text;
  }
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
  for (const int columns : {-1, 1, 5, 19, 10'001})
    EXPECT_NE(complaint<CallbackError>([&] { progress({.columns = columns}); }), "") << columns;
  for (const int columns : {0, 20, 10'000})
    EXPECT_EQ(complaint<CallbackError>([&] { progress({.columns = columns}); }), "") << columns;
}

}  // namespace
}  // namespace sidestep::test
