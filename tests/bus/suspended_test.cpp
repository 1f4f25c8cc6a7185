// Waits count the time that a process runs: one that was suspended for longer than a deadline fails nobody.
#include <sidestep/bus.hpp>
#include <sidestep/bus/wait_clock.hpp>
#include <sidestep/operators.hpp>

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

namespace sidestep {
namespace {

using namespace std::chrono_literals;

TEST(WaitClock, ASliceIsTheTimeSinceTheLastLookAndNeverMoreThanItsMost) {
  WaitClock waited;
  const Nanoseconds begin = Clock::steady();
  Nanoseconds sum = 0;
  for (int looks = 0; looks < 1000; ++looks) {
    const Nanoseconds slice = waited.slice();
    EXPECT_GE(slice, 0);
    EXPECT_LE(slice, WaitClock::most);
    sum += slice;
  }
  EXPECT_GT(sum, 0);
  EXPECT_LE(sum, Clock::steady() - begin + WaitClock::most) << "no time counts twice";
  for (int gaps = 0; gaps < 2; ++gaps) {
    std::this_thread::sleep_for(5 * std::chrono::nanoseconds(WaitClock::most));
    EXPECT_EQ(waited.slice(), WaitClock::most);
  }
}

constexpr auto deadline = 300ms;

/// Takes some milliseconds that pass while the process runs, and only then: a single sleep would be over when it wakes.
void take_a_while() {
  for (int i = 0; i < 25; ++i) std::this_thread::sleep_for(1ms);
}

// The next test suspends this one, in a process of its own.
TEST(Suspended, SlowSinksAreWaitedFor) {
  constexpr Step events = 40;
  Bus inline_sink({.ring_capacity = 2, .deadline = deadline}),
      behind_a_queue({.ring_capacity = 2, .deadline = deadline});
  const Handle sinks[] = {
      inline_sink.on<BatchEnd>() | subscribe([](const BatchEnd&) { take_a_while(); }),
      behind_a_queue.on<BatchEnd>() | observe_on(io, {.capacity = 2}) |
          subscribe([](const BatchEnd&) { take_a_while(); }),
  };
  std::atomic<int> publishing{2};
  const auto publish = [&](Bus& bus) {  // nearly always at a full ring; its dispatcher at a handler, or at a full queue
    Producer producer = bus.producer("test");
    for (Step step = 1; step <= events; ++step) producer.publish(BatchEnd{.step = step});
    --publishing;
  };
  const auto flush = [&](Bus& bus) {
    while (publishing > 0) bus.flush();
  };
  {
    std::jthread threads[] = {std::jthread([&] { publish(inline_sink); }),
                              std::jthread([&] { publish(behind_a_queue); }), std::jthread([&] { flush(inline_sink); }),
                              std::jthread([&] { flush(behind_a_queue); })};
  }
  for (Bus* const bus : {&inline_sink, &behind_a_queue}) {
    bus->close();
    EXPECT_FALSE(bus->given_up());
    EXPECT_GT(bus->account().publisher_waits, 0u);
    EXPECT_EQ(bus->account().delivered, static_cast<std::uint64_t>(events));
  }
  for (const Handle& sink : sinks) EXPECT_EQ(sink->error(), "");
  EXPECT_GT(sinks[1]->queues()[0]->waits.get(), 0u);
}

TEST(Suspended, ForLongerThanTheDeadlineItFailsNobodyWhoIsWaitedFor) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/proc/self/exe", "bus_pipelines_test", "--gtest_filter=Suspended.SlowSinksAreWaitedFor", "--gtest_brief=1",
            nullptr);
    ::_exit(127);
  }
  for (int times = 0; times < 2; ++times) {
    std::this_thread::sleep_for(250ms);
    ::kill(child, SIGSTOP);
    std::this_thread::sleep_for(3 * deadline);
    ::kill(child, SIGCONT);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace sidestep
