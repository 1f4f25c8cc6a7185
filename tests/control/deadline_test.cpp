// Deciders that hang: the deadline is counted in slices of the waiting thread's own back-off.
#include "gate.hpp"
#include "small_run.hpp"

#include <sidestep/bus/producer.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <thread>

namespace sidestep::test {
namespace {

using namespace std::chrono_literals;

// A handler that hangs may come out of the gate when the test is over: both own it.
auto hang_at(const std::shared_ptr<Gate>& gate, Step at) {
  return pure([gate, at](const BatchEnd& e) {
    if (e.step == at) gate->pass();
    return Noted{1, e.step};
  });
}

/// Opens it when the run is over, and waits until a dispatcher that hung in it has come out and let go of all that it
/// held: it was given up, so nobody else waits for its thread. (An executor's threads are waited for when the process
/// ends.)
void let_dispatcher_out(const std::shared_ptr<Gate>& gate) {
  gate->open();
  while (gate.use_count() > 1) std::this_thread::sleep_for(1ms);
}

TEST(Deadline, ADeciderThatHangsIsFailedAndTrainingGoesOnWithoutIt) {
  for (const Sync sync : {lockstep, lag(2)}) {
    const auto gate = std::make_shared<Gate>();
    SmallRun run{.options = {.sync = sync, .decision_deadline = 200ms},
                 .bus_options = {.thread = true, .deadline = 20s}};
    Handle hung;
    run.pipelines = [&](Bus& bus, Control& control) {
      hung = bus.on<BatchEnd>().named("hangs") | observe_on(io) | decide(control, hang_at(gate, 3));
      bus.on<BatchEnd>().named("lives") | observe_on(io) | decide(control, note_at(2, {8}));
    };
    run.between = [&](Loop&, Step step) {
      if (step == 10) gate->open();  // it wakes: what it asks for now is nobody's
    };
    run.go();
    // What it had asked for stands if its word covered it, which is a matter of spans when it hangs; nothing behind
    // that.
    for (const AppliedRow& row : run.decisions) {
      if (row.by == "hangs") {
        EXPECT_LT(*row.cause_step, 3);
      }
      EXPECT_EQ(row.applied_step, *row.cause_step + sync.k);
    }
    EXPECT_EQ(run.decisions.back().by, "lives");
    ASSERT_EQ(run.broken.size(), 1u);
    EXPECT_EQ(run.broken[0].by, "hangs");
    EXPECT_TRUE(hung->failed());
    EXPECT_NE(hung->error().find("0.2 s"), std::string::npos) << hung->error();
  }
}

TEST(Deadline, TheDispatcherAtAFullQueueLooksAtWhoIsFailed) {
  const auto gate = std::make_shared<Gate>();
  SmallRun run{.steps = 40,
               .options = {.sync = lag(20), .decision_deadline = 200ms},
               .bus_options = {.thread = true, .deadline = 20s}};
  run.pipelines = [&](Bus& bus, Control& control) {
    bus.on<BatchEnd>().named("hangs") | observe_on(io, {.capacity = 2}) | decide(control, hang_at(gate, 1));
    bus.on<BatchEnd>().named("lives") | decide(control, note_at(2, {15}));
  };
  run.go();
  EXPECT_EQ(run.table(), "noted lives 15->35 2015\n");
  gate->open();
}

TEST(Deadline, APublisherAtAFullRingWatchesItTooInEveryMode) {
  for (const Sync sync : {relaxed, lag(1000)}) {
    const auto gate = std::make_shared<Gate>();
    SmallRun run{.steps = 200,
                 .options = {.sync = sync, .decision_deadline = 200ms},
                 .bus_options = {.ring_capacity = 32, .thread = true, .deadline = 20s}};
    run.pipelines = [&](Bus& bus, Control& control) {
      bus.on<BatchEnd>().named("hangs") | observe_on(io, {.capacity = 2}) | decide(control, hang_at(gate, 1));
      bus.on<BatchEnd>().named("lives") | decide(control, note_at(2, {3}));
    };
    run.go();
    ASSERT_EQ(run.broken.size(), 1u) << sync.text();
    EXPECT_EQ(run.broken[0].by, "hangs");
    gate->open();
  }
}

TEST(Deadline, AnInlineDeciderThatHangsTakesItsDispatcherWithIt) {
  const auto gate = std::make_shared<Gate>();
  SmallRun run{.steps = 200,
               .options = {.sync = lag(1), .decision_deadline = 200ms},
               .bus_options = {.ring_capacity = 64, .thread = true, .deadline = 200ms}};
  run.pipelines = [&](Bus& bus, Control& control) {
    bus.on<BatchEnd>().named("hangs") | decide(control, hang_at(gate, 3));
    bus.on<BatchEnd>().named("starves") | observe_on(io) | decide(control, note_at(2, {1, 8}));
  };
  {
    Bus bus(run.bus_options);
    Control control;
    run.pipelines(bus, control);
    run.run(bus, control);
  }
  EXPECT_EQ(run.table(), "noted hangs 1->2 1001\nnoted starves 1->2 2001\nnoted hangs 2->3 1002\n");
  EXPECT_EQ(run.broken.size(), 2u);
  let_dispatcher_out(gate);
}

TEST(Deadline, AHandlerThatWaitsForItsOwnCheckpointIsFailedByIt) {
  Folder folder;
  SmallRun run{.steps = 8,
               .options = {.sync = lag(1), .folder = folder.path(), .last = "", .decision_deadline = 200ms},
               .bus_options = {.thread = true, .deadline = 20s}};
  const auto over = std::make_shared<std::atomic<bool>>(false);  // the handler sees it when the test is over
  run.pipelines = [&](Bus& bus, Control& control) {
    bus.on<BatchEnd>().named("waits") | observe_on(io) |
        decide(control, pure([over, mine = folder.path() / "mine"](const BatchEnd& e) {
                 if (e.step == 3)
                   while (!std::filesystem::exists(mine) && !*over) std::this_thread::yield();
                 return e.step == 2 ? std::optional(SaveCheckpoint{.file = "mine"}) : std::nullopt;
               }));
  };
  run.go();  // boundary 4 waits for step 3, whose handler waits for the cut of boundary 3
  *over = true;
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "mine"));
}

// The next test suspends this one, in a process of its own, since a fork would inherit executors without
// their threads.
TEST(Deadline, AHandlerThatHangsHoldsACloseFromOutsideNoLonger) {
  const auto gate = std::make_shared<Gate>();
  SmallRun run{.steps = 100'000,
               .options = {.sync = relaxed},
               .bus_options = {.ring_capacity = 32, .thread = true, .deadline = 200ms}};
  {
    Bus bus(run.bus_options);
    Control control;
    bus.on<BatchEnd>().named("hangs") | subscribe([gate](const BatchEnd& e) {
      if (e.step == 3) gate->pass();
    });
    std::jthread closer([&] {
      gate->await();
      bus.close();
    });
    run.run(bus, control);
    closer.join();
    const BusAccount account = bus.account();
    EXPECT_EQ(account.published, account.delivered + account.dropped + account.pending);
  }
  let_dispatcher_out(gate);
}

TEST(Deadline, ASlowDeciderIsWaitedFor) {
  SmallRun run{
      .steps = 400, .options = {.sync = lockstep, .decision_deadline = 400ms}, .bus_options = {.thread = true}};
  run.pipelines = [](Bus& bus, Control& control) {
    bus.on<BatchEnd>() | observe_on(io) |
        decide(control, pure([](const BatchEnd& e) {
                 std::this_thread::sleep_for(1ms);  // the trainer is nearly always in a wait
                 return Noted{1, e.step};
               }));
  };
  run.go();
  EXPECT_TRUE(run.broken.empty());
  EXPECT_EQ(run.decisions.size(), 400u);
}

TEST(Deadline, ASuspendedProcessFailsNobody) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/proc/self/exe", "control_test", "--gtest_filter=Deadline.ASlowDeciderIsWaitedFor", "--gtest_brief=1",
            nullptr);
    ::_exit(127);
  }
  ASSERT_GT(child, 0);  // kill(-1) would stop everybody
  std::this_thread::sleep_for(150ms);
  ::kill(child, SIGSTOP);
  std::this_thread::sleep_for(900ms);  // longer than the deadline, by the clock
  ::kill(child, SIGCONT);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(Deadline, AHandlerThatPublishesDuringTheDrainLosesNothing) {
  SmallRun run{.steps = 300,
               .steps_per_epoch = 1000,
               .options = {.sync = lag(2)},
               .bus_options = {.ring_capacity = 32, .thread = true}};
  std::atomic<int> echoes{0};
  run.pipelines = [&](Bus& bus, Control& control) {
    Bus* const on = &bus;
    bus.on<BatchEnd>().named("publishes") | observe_on(io, {.capacity = 8}) |
        subscribe([on](const BatchEnd& e) { on->publish(Metric{.step = e.step, .metric = intern("echo")}); });
    bus.on<Metric>().from(Stream::others).named("echo") | subscribe([&](const Metric&) { ++echoes; });
    bus.on<BatchEnd>() | decide(control, note_at(1, {3}));
  };
  run.go();
  EXPECT_EQ(echoes, 300);
  EXPECT_EQ(run.account.published, run.account.delivered + run.account.dropped + run.account.pending);
}

}  // namespace
}  // namespace sidestep::test
