// A recording process is killed at any moment: its log is whole to its last complete block.
#include <gtest/gtest.h>

#include <bus/log_support.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <random>
#include <thread>

namespace sidestep {
namespace {

using namespace testing_support;
using test::ScratchFolder;

/// Records until it is killed. After each flush it says through the pipe how many events must be in the log by then.
[[noreturn]] void record_until_killed(const std::filesystem::path& path, int compression, Step flush_every, int said) {
  Bus bus;
  bus.record(path, {.compression = compression, .interval = std::chrono::milliseconds(2)});
  Producer trainer = bus.producer("trainer", Stream::trainer);
  Producer other = bus.producer("other");
  const Name name = intern("a metric");
  std::int64_t events = 0;
  if (::write(said, &events, sizeof events) != sizeof events) ::_exit(1);
  for (std::int64_t step = 1;; ++step) {
    trainer.publish(BatchEnd{.step = step, .loss = static_cast<double>(step)});
    trainer.publish(Metric{.step = step, .value = static_cast<double>(step), .metric = name});
    other.publish(MemoryReleased{.step = step, .bytes_released = 3 * step});
    if (step % flush_every != 0) continue;
    bus.flush();
    events = 3 * step;
    if (::write(said, &events, sizeof events) != sizeof events) ::_exit(1);
  }
}

/// Each event is the one that must follow in its ring. How many there are.
std::int64_t check_events(LogReader& log) {
  std::int64_t count = 0;
  Sequence trainer = 0, other = 0;
  log.for_each([&](const LoggedEvent& event) {
    ++count;
    const Seen one = seen(log.catalog(), event);
    if (one.ring == "other") {
      ASSERT_EQ(one.sequence, ++other);
      ASSERT_EQ(as<MemoryReleased>(one).bytes_released, static_cast<std::int64_t>(3 * other));
      return;
    }
    ASSERT_EQ(one.ring, "trainer");
    ASSERT_EQ(one.sequence, ++trainer);
    const auto step = static_cast<Step>((trainer + 1) / 2);
    if (trainer % 2 == 1) {
      ASSERT_EQ(as<BatchEnd>(one).step, step);
      ASSERT_EQ(as<BatchEnd>(one).loss, static_cast<double>(step));
    } else {
      ASSERT_EQ(as<Metric>(one).step, step);
      ASSERT_EQ(one.fields.at("metric"), FieldValue("a metric"));
    }
  });
  return count;
}

void killed_at_random(int times, int compression) {
  const ScratchFolder folder;
  fastest_stores();  // measured here, once, and not by each child
  std::mt19937 random(20);
  int torn = 0, in_the_first_block = 0;
  std::int64_t events = 0;
  for (int i = 0; i < times; ++i) {
    SCOPED_TRACE(i);
    const std::filesystem::path path = folder / ("killed-" + std::to_string(i) + ".log");
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      record_until_killed(path, compression, i % 2 == 0 ? 500 : 20'000, ends[1]);
    }
    ::close(ends[1]);
    // in its first moments, or while it records
    std::int64_t said = 0, promised = 0;
    if (i % 4 != 0) {
      ASSERT_EQ(::read(ends[0], &said, sizeof said), ssize_t{sizeof said});
    }
    std::this_thread::sleep_for(
        std::chrono::microseconds(std::uniform_int_distribution<int>(0, i % 4 == 0 ? 1'000 : 15'000)(random)));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "it ended by itself: " << status;
    while (::read(ends[0], &said, sizeof said) == sizeof said) promised = said;
    ::close(ends[0]);
    try {
      LogReader log(path);
      const std::int64_t count = check_events(log);
      if (testing::Test::HasFatalFailure()) return;
      EXPECT_GE(count, promised);
      EXPECT_TRUE(log.damage().empty());
      EXPECT_TRUE(log.end() == LogEnd::open || log.end() == LogEnd::torn) << static_cast<int>(log.end());
      torn += log.end() == LogEnd::torn ? 1 : 0;
      events += count;
    } catch (const LogError& error) {  // killed before its first block was written
      EXPECT_TRUE(error.kind() == LogError::Kind::file || error.kind() == LogError::Kind::truncated) << error.what();
      EXPECT_EQ(promised, 0);
      ++in_the_first_block;
    }
    std::filesystem::remove(path);
  }
  EXPECT_LT(in_the_first_block, times);
  EXPECT_GT(events, 0);
  std::printf("%d kills: %lld events read, %d torn tails, %d before the first block\n", times,
              static_cast<long long>(events), torn, in_the_first_block);
}

TEST(LogCrash, AKilledProcessLeavesAWholeLog) { killed_at_random(150, 0); }
TEST(LogCrash, TheSameIfItIsCompressed) { killed_at_random(50, 1); }

}  // namespace
}  // namespace sidestep
