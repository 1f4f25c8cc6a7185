// What must not be left behind: a request that a wait inside a boundary made visible, those behind a handler that
// throws, a signal that came early; and what must be: an earlier loop's requests.
#include "small_run.hpp"

#include <atomic>
#include <thread>

namespace sidestep::test {
namespace {

struct Noise {
  static constexpr EventId id = first_user_event + 77;
  static constexpr std::string_view name = "Noise";
  double level = 0;
};

CheckpointWriter write_state(const Cut&) {
  return
      [](const std::filesystem::path& path, const CheckpointState& state) { std::ofstream(path) << state.to_text(); };
}

TEST(LooseEnds, ACutIsNotSealedBeforeARequestThatAWaitForRoomMadeVisible) {
  Folder folder;
  std::atomic<bool> open{false};
  Bus bus({.ring_capacity = 8});
  Control control;
  bus.on<BatchEnd>().named("slow") | subscribe([&](const BatchEnd& e) {
    while (e.step == 3 && !open) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  bus.on<BatchEnd>().named("asks") | decide(control, note_at(1, {3}));
  auto loop = control.attach(bus, {.sync = relaxed, .snapshot = write_state, .folder = folder.path()});
  loop.on<Noted>([](const Noted&) {});
  loop.publish(FitBegin{.last_step = 7});
  const auto step = [&](Step s) { loop.publish(BatchEnd{.step = s}), loop.boundary(); };
  step(1), step(2);
  bus.flush();
  control.request(SaveCheckpoint{.file = "cut"}, "test");
  step(3);  // the cut; the dispatcher stands at BatchEnd 3, before "asks" has seen it
  loop.publish(BatchEnd{.step = 4});
  for (int i = 0; i < 23; ++i) control.inject(Metric{.step = 4, .value = 1, .metric = intern("m")});
  std::jthread opener([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    open = true;
  });
  loop.boundary();  // waits for room, and the request comes meanwhile
  for (Step s = 5; s <= 7; ++s) step(s);
  loop.publish(EpochEnd{.step = 7, .partial = true});
  loop.finish();
  const auto state = CheckpointState::from_text(read_file(folder.path() / "cut"));
  ASSERT_EQ(state.step, 3);
  ASSERT_EQ(state.pending.size(), 1u);
  EXPECT_EQ(state.pending[0].cause_step, 3);
}

struct NoThreads : Executor {
  void post(std::shared_ptr<Work>) override { throw std::runtime_error("no threads"); }
};

TEST(LooseEnds, InRelaxedModeAFailedDeciderHoldsUpNoCheckpoint) {
  Folder folder;
  NoThreads executor;
  Bus bus;
  Control control;
  bus.on<BatchEnd>().named("fails") | observe_on(executor) | decide(control, note_at(1, {100000}));
  auto loop = control.attach(bus, {.sync = relaxed,
                                   .snapshot = write_state,
                                   .folder = folder.path(),
                                   .decision_deadline = std::chrono::milliseconds(50)});
  loop.publish(FitBegin{.last_step = 1000});
  Step step = 0;
  const auto go_on = [&] { loop.publish(BatchEnd{.step = ++step}), loop.boundary(); };
  go_on();
  bus.flush();
  control.request(SaveCheckpoint{.file = "cut"}, "test");
  while (!std::filesystem::exists(folder.path() / "cut") && step < 10000) {
    go_on();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "cut"));
  loop.publish(EpochEnd{.step = step, .partial = true});
  loop.finish();
}

TEST(LooseEnds, AHandlerThatThrowsTakesNoOtherDecisionWithIt) {
  Bus bus({.thread = false});
  Control control;
  bus.on<BatchEnd>().named("a") | decide(control, pure([](const BatchEnd& e) {
                                           return e.step == 1 ? std::optional(SetLearningRate{.learning_rate = 1})
                                                              : std::nullopt;
                                         }));
  bus.on<BatchEnd>().named("b") | decide(control, note_at(1, {1, 2}));
  auto loop = control.attach(bus, {.sync = lag(1)});
  loop.on<SetLearningRate>([](const SetLearningRate&) { throw std::runtime_error("boom"); });
  loop.on<Noted>([](const Noted&) {});
  loop.publish(FitBegin{.last_step = 9});
  Step step = 0;
  while (step < 8 && !loop.stopped()) {
    loop.publish(BatchEnd{.step = ++step});
    if (step != 2) {
      loop.boundary();
      continue;
    }
    loop.interrupt("SIGINT");
    EXPECT_THROW(loop.boundary(), std::runtime_error);
  }
  EXPECT_EQ(step, 3) << "the signal is obeyed at the next boundary";
  loop.finish();
  ASSERT_EQ(loop.decisions().size(), 2u);
  EXPECT_EQ(loop.decisions()[0].cause_step, 1);
  EXPECT_EQ(loop.decisions()[1].cause_step, 2);
  EXPECT_EQ(loop.interrupted(), "SIGINT");
}

TEST(LooseEnds, ASignalBeforeTheLoopIsAttachedEndsItAtItsFirstBoundary) {
  Bus bus({.thread = false});
  Control control;
  control.interrupt("SIGINT");
  auto loop = control.attach(bus, {.sync = relaxed});
  loop.publish(FitBegin{.last_step = 3});
  loop.publish(BatchEnd{.step = 1});
  loop.boundary();
  EXPECT_TRUE(loop.stopped());
  loop.finish();
}

TEST(LooseEnds, AnEarlierLoopsStopIsNotTheNextOnes) {
  Bus bus({.thread = false});
  Control control;
  bus.on<FitEnd>().named("throws") | subscribe([](const FitEnd&) { throw std::runtime_error("x"); });
  const std::size_t before = bus.subscriptions().size();
  for (int n = 0; n < 2; ++n) {
    auto loop = control.attach(bus, {.sync = relaxed, .fail_fast = true});
    loop.publish(FitBegin{.last_step = 3});
    for (Step s = 1; s <= 3; ++s) {
      ASSERT_FALSE(loop.stopped()) << n;
      loop.publish(BatchEnd{.step = s});
      loop.boundary();
    }
    loop.finish();
  }
  std::size_t running = 0;
  for (const Handle& one : bus.subscriptions()) running += one->life() == Subscription::Life::running;
  EXPECT_LE(running, before) << "fail_fast ends with its loop";
}

TEST(LooseEnds, WhoClosesABusWithoutAThreadPollsForALoopThatStandsAtItsFullRing) {
  Bus bus({.ring_capacity = 4, .thread = false});
  Control control;
  std::atomic<Step> at{0};
  std::jthread trainer([&] {
    auto loop = control.attach(bus, {.sync = relaxed});
    loop.publish(FitBegin{});
    for (Step s = 1; !loop.stopped(); ++s) {
      at = s;
      loop.publish(Metric{.step = s, .metric = intern("m")}, BatchEnd{.step = s});
      loop.boundary();
    }
    loop.finish();
  });
  // Nobody polls, so it stands at step 2 or 3 before long.
  for (Step seen = -1; at == 0 || at != seen; std::this_thread::sleep_for(std::chrono::milliseconds(20))) seen = at;
  bus.close();
}

TEST(LooseEnds, ASnapshotThatThrowsLeavesNothingOfItsCutAndTheNextOneIsWhole) {
  Folder folder;
  Bus bus({.thread = false});
  Control control;
  bool broken = false;
  auto loop = control.attach(bus, {.sync = relaxed,
                                   .snapshot = [&](const Cut& cut) -> CheckpointWriter {
                                     if (broken) throw std::runtime_error("no memory for a copy");
                                     return write_state(cut);
                                   },
                                   .folder = folder.path()});
  loop.publish(FitBegin{.last_step = 4});
  const auto step = [&](Step s) {
    loop.publish(BatchEnd{.step = s});
    control.request(SaveCheckpoint{.file = "last", .last = true}, "test");
    loop.boundary();
  };
  step(1);
  broken = true;
  EXPECT_THROW(step(2), std::runtime_error);
  broken = false;
  step(3);
  loop.publish(EpochEnd{.step = 3, .partial = true});
  loop.finish();
  EXPECT_EQ(read_folder(folder.path()).size(), 1u);
  EXPECT_EQ(CheckpointState::from_text(read_file(folder.path() / "last")).step, 3);
}

TEST(LooseEnds, WhatDecidesOnEventsThatTheLoopDoesNotPublishIsToldSo) {
  Bus bus;
  Control control;
  const Handle deaf = bus.on<Noise>().named("deaf") | decide(control, [](const Noise&) { return Stop{"noise"}; });
  const Handle hears =
      bus.on<BatchEnd, Noise>().named("hears") | take(1) | decide(control, [](const auto&) { return Decisions{}; });
  const Handle idle = bus.on<Metric>().named("idle") | decide(control, [](const Metric&) { return Stop{"metric"}; });
  auto lidar = bus.producer("lidar");
  auto loop = control.attach(bus, {.sync = relaxed});
  loop.publish(FitBegin{.last_step = 1});
  lidar.publish(Noise{});
  loop.publish(BatchEnd{.step = 1});
  loop.boundary();
  loop.finish();
  EXPECT_TRUE(deaf->failed());
  EXPECT_NE(deaf->error().find("loop.publish"), std::string::npos) << deaf->error();
  EXPECT_NE(deaf->error().find("control.inject"), std::string::npos) << deaf->error();
  EXPECT_FALSE(hears->failed()) << hears->error();
  EXPECT_FALSE(idle->failed()) << "nobody published any: " << idle->error();
}

}  // namespace
}  // namespace sidestep::test
