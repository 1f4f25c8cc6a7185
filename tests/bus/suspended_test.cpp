// Waits count the time that a process runs: one that was suspended for longer than a deadline fails nobody.
#include <sidestep/bus.hpp>
#include <sidestep/bus/wait_clock.hpp>
#include <sidestep/operators.hpp>

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

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
  const auto sink = [](const BatchEnd&) { take_a_while(); };
  // a publisher stands at a full ring, its dispatcher in the handler; or at a full queue; flush() waits for a queue
  Bus at_ring({.ring_capacity = 2, .deadline = deadline}), at_queue({.ring_capacity = 2, .deadline = deadline}),
      at_flush({.deadline = deadline});
  const Handle sinks[] = {at_ring.on<BatchEnd>() | subscribe(sink),
                          at_queue.on<BatchEnd>() | observe_on(io, {.capacity = 2}) | subscribe(sink),
                          at_flush.on<BatchEnd>() | observe_on(compute) | subscribe(sink)};
  const auto run = [](Bus& bus) {
    Producer producer = bus.producer("test");
    for (Step step = 1; step <= events; ++step) producer.publish(BatchEnd{.step = step});
    bus.flush();
  };
  {
    const std::jthread first([&] { run(at_ring); }), second([&] { run(at_queue); }), third([&] { run(at_flush); });
  }
  for (Bus* const bus : {&at_ring, &at_queue, &at_flush}) {
    bus->close();
    EXPECT_FALSE(bus->given_up());
    EXPECT_EQ(bus->account().delivered, static_cast<std::uint64_t>(events));
  }
  for (const Handle& one : sinks) EXPECT_EQ(one->error(), "");
  EXPECT_GT(at_ring.account().publisher_waits, 0u);
  EXPECT_GT(sinks[1]->queues()[0]->waits.get(), 0u);
}

TEST(Suspended, ForLongerThanTheDeadlineItFailsNobodyWhoIsWaitedFor) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/proc/self/exe", "bus_pipelines_test", "--gtest_filter=Suspended.SlowSinksAreWaitedFor", "--gtest_brief=1",
            nullptr);
    ::_exit(127);
  }
  ASSERT_GT(child, 0);  // kill(-1) would stop everybody
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
