// The io executor where no thread is to be had. Each case is a process of its own, from which threads are taken away.
#include <sidestep/operators/executor.hpp>
#include <sidestep/operators/observe_on.hpp>
#include <sidestep/operators/pipe.hpp>
#include <sidestep/operators/subscribe.hpp>

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>

namespace sidestep {
namespace {

/// From now on the calling thread makes no other: the kernel says EAGAIN, as under `ulimit -u`.
void deny_threads() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAGAIN),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(filter), filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    _exit(2);
}

class ExecutorDeathTest : public ::testing::Test {
 protected:
  ExecutorDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

[[noreturn]] void report(bool well, const std::string& why = {}) {
  if (!well) (void)!::write(2, why.data(), why.size());
  ::_exit(well ? 0 : 1);
}

struct Counted final : Work {
  std::function<void()> f;
  explicit Counted(std::function<void()> function) : f(std::move(function)) {}
  void run() noexcept override { f(); }
};

struct Event {
  static constexpr EventId id = first_user_event + 210;
  static constexpr std::string_view name = "Event";
  int value;
};

void fails_the_pipeline_alone() {
  deny_threads();
  Bus bus({.thread = false});
  int others = 0;
  const Handle handle = bus.on<Event>() | observe_on(io) | subscribe([](const Event&) {});
  bus.on<Event>() | subscribe([&](const Event&) { ++others; });
  bus.publish(Event{1});
  bus.publish(Event{2});
  bus.flush();
  const bool named = handle->error().find("its executor takes no work") != std::string::npos;
  report(handle->failed() && named && others == 2, "error: " + handle->error());
}

TEST_F(ExecutorDeathTest, WithoutAThreadItIsThatPipelinesFailure) {
  EXPECT_EXIT(fails_the_pipeline_alone(), ::testing::ExitedWithCode(0), "");
}

void refused_again_and_again() {
  deny_threads();
  const auto work = std::make_shared<Counted>([] {});
  int refused = 0;
  for (int i = 0; i < 3; ++i) try {
      IoExecutor::executor().post(work);
    } catch (const std::system_error&) {
      ++refused;
    }
  report(refused == 3 && work.use_count() == 1, "what was refused is still in the queue");
}

TEST_F(ExecutorDeathTest, WhatIsRefusedIsNotKept) {
  EXPECT_EXIT(refused_again_and_again(), ::testing::ExitedWithCode(0), "");
}

/// One thread, which is busy: everything that is posted waits in the queue together.
void queued_twice() {
  std::atomic<bool> busy{false}, go_on{false};
  IoExecutor::executor().post(std::make_shared<Counted>([&] {
    busy = true, busy.notify_all();
    go_on.wait(false);
  }));
  busy.wait(false);
  deny_threads();
  std::string order;
  std::atomic<bool> done{false};
  const auto note = [&](char name) { return std::make_shared<Counted>([&order, name] { order += name; }); };
  const auto a = note('a'), b = note('b'), c = note('c');
  Executor& io = IoExecutor::executor();
  for (const auto& work : {a, b, a, c, a, b}) io.post(work);
  io.post(std::make_shared<Counted>([&] { done = true, done.notify_all(); }));
  go_on = true, go_on.notify_all();
  done.wait(false);
  report(order == "abc", "order: " + order);
}

TEST_F(ExecutorDeathTest, WorkThatWaitsAlreadyIsNotQueuedAgainAndNobodysIsLost) {
  EXPECT_EXIT(queued_twice(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace sidestep
