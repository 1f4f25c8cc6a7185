// bus.close() on another thread than the loop's: a Stop by it, and nothing is lost.
#include "gate.hpp"
#include "small_run.hpp"

#include <sidestep/trainer/control/control_core.hpp>

#include <atomic>
#include <thread>

namespace sidestep::test {
namespace {

/// A run whose bus is closed by somebody else, who comes when `moment` has returned; `then` follows when he has asked.
class Closed {
 public:
  Closed(SmallRun& run, const std::function<void(Bus&)>& moment, const std::function<void()>& then)
      : bus_(run.bus_options) {
    run.pipelines(bus_, control_);
    bus_.on<BatchEnd>().named("steps") | subscribe([this](const BatchEnd& e) { last_step = e.step; });
    bus_.on<FitEnd>().named("end") | subscribe([this](const FitEnd& e) { stopped = e.stopped; });
    std::atomic<bool> taken{false};  // the loop may have been quicker than the watcher
    run.between = [&taken](Loop& loop, Step) {
      if (loop.stopped()) taken = true;
    };
    std::jthread closer([&] {
      moment(bus_);
      bus_.close();
    });
    std::jthread watcher([&] {
      while (control_.core().outside.size_approx() == 0 && !taken) std::this_thread::yield();
      then();
    });
    run.run(bus_, control_);
    closer.join();
    EXPECT_TRUE(bus_.closed());
    account = bus_.account();
  }
  BusAccount account;
  Step last_step = 0;
  bool stopped = false;

 private:
  Bus bus_;
  Control control_;
};

void expect_a_stop(const SmallRun& run, const Closed& closed) {
  EXPECT_GT(run.stopped_at, 0);
  EXPECT_LT(run.stopped_at, run.steps);
  EXPECT_EQ(closed.last_step, run.stopped_at) << "what was published before the end arrives";
  EXPECT_TRUE(closed.stopped);
  EXPECT_EQ(closed.account.published, closed.account.delivered + closed.account.dropped + closed.account.pending);
  EXPECT_EQ(closed.account.pending, 0u);
  ASSERT_EQ(run.broken.size(), 1u);
  EXPECT_EQ(run.broken[0].by, "close");
}

TEST(Close, WhileTheTrainerWaitsAtABoundary) {
  Gate gate;
  SmallRun run{.steps = 1000, .options = {.sync = lockstep}, .bus_options = {.thread = true}};
  run.pipelines = [&](Bus& bus, Control& control) {
    bus.on<BatchEnd>() | observe_on(io) | decide(control, pure([&gate](const BatchEnd& e) {
                                                   if (e.step == 5) gate.pass();
                                                   return Noted{1, e.step};
                                                 }));
  };
  const Closed closed(
      run, [&](Bus&) { gate.await(); }, [&] { gate.open(); });
  expect_a_stop(run, closed);
  EXPECT_EQ(run.stopped_at, 5) << "the first boundary that sees it";
  EXPECT_EQ(run.decisions.size(), 6u);
}

TEST(Close, WhileTheTrainerPublishesIntoAFullRing) {
  Gate gate;
  SmallRun run{.steps = 100'000, .options = {.sync = relaxed}, .bus_options = {.ring_capacity = 32, .thread = true}};
  run.pipelines = [&](Bus& bus, Control&) {
    bus.on<BatchEnd>() | subscribe([&gate](const BatchEnd& e) {
      if (e.step == 3) gate.pass();
    });
  };
  const auto full = [](Bus& bus) {
    while (bus.account().publisher_waits == 0) std::this_thread::yield();
  };
  const Closed closed(run, full, [&] { gate.open(); });
  expect_a_stop(run, closed);
}

TEST(Close, WhileAHandlerPublishesDuringTheDrain) {
  Gate gate;
  std::atomic<Step> echoes{0};
  SmallRun run{.steps = 100'000,
               .steps_per_epoch = 200'000,
               .options = {.sync = relaxed},
               .bus_options = {.ring_capacity = 32, .thread = true}};
  run.pipelines = [&](Bus& bus, Control&) {
    Bus* const on = &bus;
    bus.on<BatchEnd>().named("publishes") | observe_on(io) | subscribe([on, &gate](const BatchEnd& e) {
      if (e.step == 1) gate.pass();
      for (int i = 0; i < 40; ++i) on->publish(Metric{.step = e.step, .metric = intern("echo")});
    });
    bus.on<Metric>().from(Stream::others).named("echo") | observe_on(io) | subscribe([&](const Metric&) { ++echoes; });
  };
  const Closed closed(
      run, [&](Bus&) { gate.await(); }, [&] { gate.open(); });
  expect_a_stop(run, closed);
  EXPECT_EQ(echoes, 40 * run.stopped_at);
}

TEST(Close, DoesntWaitForALoopThatHasFinishedOrStandsOnTheSameThread) {
  Bus bus;
  Control control;
  auto loop = control.attach(bus, {.sync = lag(1)});
  loop.publish(FitBegin{});
  loop.publish(BatchEnd{.step = 1});
  loop.boundary();
  loop.finish();
  std::jthread([&] { bus.close(); }).join();
  EXPECT_TRUE(bus.closed());

  Bus other;
  Control its;
  auto unfinished = its.attach(other, {.sync = lag(1)});
  unfinished.publish(FitBegin{});
  other.close();
  EXPECT_TRUE(other.closed());
}

TEST(Control, IsOnOneBusForItsLife) {
  Control control;
  {
    Bus first;
    auto loop = control.attach(first, {.sync = lag(1)});
    EXPECT_NO_THROW(first.on<BatchEnd>() | decide(control, note_at(1, {})));
    loop.finish();
  }
  Bus second;
  const auto complaint = [](auto&& action) -> std::string {
    try {
      action();
    } catch (const ControlError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(complaint([&] { control.attach(second); }).find("make a Control for each bus"), std::string::npos);
  EXPECT_NE(
      complaint([&] { second.on<BatchEnd>() | decide(control, note_at(1, {})); }).find("make a Control for each bus"),
      std::string::npos);
}

}  // namespace
}  // namespace sidestep::test
