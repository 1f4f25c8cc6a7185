// A bus on which nothing happens: its dispatcher sleeps, ever longer up to its longest nap, and takes next to no CPU
// time.
#include <sidestep/bus.hpp>

#include <bus/probe.hpp>

#include <gtest/gtest.h>

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

namespace sidestep {
namespace {

using namespace std::chrono_literals;
using testing_support::Probe;
using testing_support::probe_options;

Nanoseconds time_of(clockid_t clock) {
  timespec time{};
  EXPECT_EQ(clock_gettime(clock, &time), 0);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

/// A bus, and the thread of its dispatcher as the kernel sees it.
struct IdleBus {
  Bus bus;
  Producer producer;
  clockid_t cpu{};
  pid_t thread = 0;

  explicit IdleBus(std::chrono::nanoseconds longest_nap)
      : bus({.longest_nap = longest_nap}), producer(bus.producer("test")) {
    bus.add(std::make_unique<Probe>([this](const Slot&) {
              pthread_getcpuclockid(pthread_self(), &cpu);
              thread = gettid();
            }),
            probe_options({BatchEnd::id}));
    producer.publish(BatchEnd{.step = 1});
    bus.flush();
  }
  /// How often it has gone to sleep: each nap gives the core away once, of its own will.
  std::int64_t naps() const {
    std::ifstream status("/proc/self/task/" + std::to_string(thread) + "/status");
    const std::string key = "voluntary_ctxt_switches:";
    for (std::string line; std::getline(status, line);)
      if (line.starts_with(key)) return std::stoll(line.substr(key.size()));
    ADD_FAILURE() << "the kernel doesn't say how often a thread has slept";
    return 0;
  }
};

TEST(Idle, ABusTakesHardlyAnyCpuTime) {
  IdleBus idle(1ms);
  const Nanoseconds cpu = time_of(idle.cpu), wall = time_of(CLOCK_MONOTONIC);
  std::this_thread::sleep_for(300ms);
  const double share =
      static_cast<double>(time_of(idle.cpu) - cpu) / static_cast<double>(time_of(CLOCK_MONOTONIC) - wall);
  EXPECT_LT(share, 0.2);
}

TEST(Idle, ANapGrowsToTheLongest) {
  for (const std::chrono::nanoseconds longest : {2ms, 20ms}) {
    IdleBus idle(longest);
    const std::int64_t naps = idle.naps();
    const Nanoseconds begin = time_of(CLOCK_MONOTONIC);
    std::this_thread::sleep_for(400ms);
    const std::int64_t slept = idle.naps() - naps;
    const Nanoseconds wall = time_of(CLOCK_MONOTONIC) - begin;
    // No nap is shorter than it was meant to be, however busy the machine is: beside the longest ones only those on the
    // way there, each twice as long as the one before. flush() may have left it a wake.
    EXPECT_LE(slept, wall / longest.count() + 13) << longest.count();
    EXPECT_GE(slept, 1);
  }
}

TEST(Idle, ALongestNapThatIsSetWhileItSleepsHoldsForTheNext) {
  IdleBus idle(2ms);
  idle.bus.longest_nap(50ms);
  const std::int64_t naps = idle.naps();
  const Nanoseconds begin = time_of(CLOCK_MONOTONIC);
  std::this_thread::sleep_for(400ms);
  EXPECT_LE(idle.naps() - naps, (time_of(CLOCK_MONOTONIC) - begin) / 50'000'000 + 14);
}

TEST(Idle, ABusThatHasSleptLongStillDelivers) {
  IdleBus idle(1ms);
  std::this_thread::sleep_for(50ms);
  const Handle all = idle.bus.add(std::make_unique<Probe>([](const Slot&) {}), probe_options({BatchEnd::id}));
  idle.producer.publish(BatchEnd{.step = 2});
  while (all->delivered() == 0) std::this_thread::yield();  // without flush(), which would wake it
}

}  // namespace
}  // namespace sidestep
