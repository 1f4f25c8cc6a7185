// What an observe_on hands to its executor, in every interleaving that the memory model allows: each value is worked
// off once and in order, by one thread at a time, and none is left behind; and whoever retires it finds nobody inside.
#include <sidestep/operators/backlog.hpp>

#include <model/explorer.hpp>

#include <gtest/gtest.h>

#include <array>

namespace sidestep {
namespace {

using model::Atomics;
using model::Explorer;
using model::Program;
using model::Violation;

using ModelBacklog = detail::BasicBacklog<Atomics>;
using ModelGate = detail::BasicGate<Atomics>;

enum class BacklogFault { none, announced_before_enqueued };

/// One hands three values over, one by one. An executor's thread runs what was posted; another one helps when it sees
/// that something is posted, as a thread does that waits for room.
std::uint64_t explore_backlog(Explorer::Options options, BacklogFault fault = BacklogFault::none) {
  static constexpr std::uint64_t values = 3;
  struct Shared {
    ModelBacklog backlog;
    std::array<std::uint64_t, values> queue{};
    std::uint64_t worked = 0;                          // whoever works, alone
    Atomics::Atomic<std::uint64_t> posts{0}, done{0};  // the executor's own
  };
  Explorer explorer(options);
  return explorer.run([&explorer, fault] {
    auto shared = std::make_shared<Shared>();
    const auto run = [=, &explorer] {
      ModelBacklog& backlog = shared->backlog;
      if (!backlog.take()) return;
      std::uint64_t left = backlog.ready();
      explorer.check(left > 0, "somebody took the work and found none");
      while (left > 0) {
        explorer.read_plain(&shared->worked);
        std::uint64_t& value = shared->queue.at(shared->worked);
        explorer.read_plain(&value);
        explorer.check(value == shared->worked + 1, "a value was worked off before it was there");
        explorer.write_plain(&shared->worked);
        ++shared->worked;
        shared->done.fetch_add(1, std::memory_order_relaxed);
        left = backlog.worked_off(1);
      }
    };
    return std::vector<std::function<void()>>{
        [=, &explorer] {
          for (std::uint64_t i = 0; i < values; ++i) {
            const auto enqueue = [&] { explorer.write_plain(&shared->queue[i]), shared->queue[i] = i + 1; };
            if (fault != BacklogFault::announced_before_enqueued) enqueue();
            if (shared->backlog.announce(1)) shared->posts.fetch_add(1, std::memory_order_relaxed);
            if (fault == BacklogFault::announced_before_enqueued) enqueue();
          }
        },
        [=, &explorer] {
          for (std::uint64_t taken = 0; shared->done.load(std::memory_order_relaxed) < values;) {
            explorer.until([&] {
              return shared->posts.load(std::memory_order_relaxed) > taken ||
                     shared->done.load(std::memory_order_relaxed) == values;
            });
            if (shared->posts.load(std::memory_order_relaxed) > taken) ++taken, run();
          }
        },
        [=] {
          for (int looks = 0; looks < 2; ++looks)
            if (shared->backlog.posted()) run();
        }};
  });
}

const Program backlog_program([](const Explorer::Options& options) { return explore_backlog(options); });

TEST(BacklogModel, EachValueIsWorkedOffOnceAndInOrderInEveryInterleaving) {
  const std::uint64_t executions = explore_backlog({.preemptions = 2});
  RecordProperty("executions", std::to_string(executions));
  EXPECT_GT(executions, 1000u);
}
TEST(BacklogModel, WhatIsAnnouncedBeforeItIsEnqueuedIsCaught) {
  EXPECT_THROW(explore_backlog({.preemptions = 2}, BacklogFault::announced_before_enqueued), Violation);
}
TEST(BacklogModel, APostThatIsAPlainStoreAndLoadIsCaught) {
  EXPECT_THROW(explore_backlog({.preemptions = 2, .plain_modifications = true}), Violation);
}

enum class GateFault { none, retires_behind_its_look };

/// One retires what two others come to use, twice if it likes, and destroys it when it finds nobody inside.
std::uint64_t explore_gate(Explorer::Options options, GateFault fault = GateFault::none) {
  struct Shared {
    ModelGate gate;
    std::uint64_t inside = 0;
  };
  Explorer explorer(options);
  return explorer.run([&explorer, fault] {
    auto shared = std::make_shared<Shared>();
    const auto use = [=, &explorer] {
      if (shared->gate.enter()) explorer.read_plain(&shared->inside);
      shared->gate.leave();
    };
    return std::vector<std::function<void()>>{[=, &explorer] {
                                                if (fault == GateFault::none)
                                                  shared->gate.retire(), shared->gate.retire();
                                                explorer.until([&] { return shared->gate.empty(); });
                                                if (fault == GateFault::retires_behind_its_look) shared->gate.retire();
                                                explorer.write_plain(&shared->inside);
                                              },
                                              use, use};
  });
}

const Program gate_program([](const Explorer::Options& options) { return explore_gate(options); });

TEST(GateModel, NobodyIsInsideWhatIsDestroyedInAnyInterleaving) { EXPECT_GT(explore_gate({.preemptions = 3}), 100u); }
TEST(GateModel, ALookBeforeItIsRetiredIsCaught) {
  EXPECT_THROW(explore_gate({.preemptions = 2}, GateFault::retires_behind_its_look), Violation);
}
TEST(GateModel, AWayInThatIsAPlainStoreIsCaught) {
  EXPECT_THROW(explore_gate({.preemptions = 2, .plain_modifications = true}), Violation);
}

}  // namespace
}  // namespace sidestep
