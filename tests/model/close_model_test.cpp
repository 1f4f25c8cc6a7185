// How a bus finds out that nothing can come any more: what is behind observe_on first, then the rings; and naps that
// are ended. The accounts, the rings and the waker are the real ones.
#include <sidestep/bus/queue_account.hpp>
#include <sidestep/bus/ring.hpp>
#include <sidestep/bus/waker.hpp>

#include <model/explorer.hpp>

#include <gtest/gtest.h>

namespace sidestep {
namespace {

using model::Atomics;
using model::Explorer;
using model::Program;
using model::Violation;

struct NoSpill {
  void push(const Slot&) {}
  std::size_t pop(Slot*, std::size_t) { return 0; }
};
using CloseRing = BasicProducerRing<Atomics, NoSpill>;

enum class QueueItem { value, mark };
enum class CloseFault { none, rings_first };

/// An executor handles one item, whose handler publishes an event; the dispatcher closes.
std::uint64_t explore_close(Explorer::Options options, QueueItem item, CloseFault fault = CloseFault::none) {
  struct Shared {
    BasicQueueAccount<Atomics> account;
    BasicTold<bool, Atomics> queued;
    CloseRing ring{2};
  };
  Explorer explorer(options);
  return explorer.run([&explorer, item, fault] {
    auto shared = std::make_shared<Shared>();
    return std::vector<std::function<void()>>{
        [=, &explorer] {
          explorer.until([&] { return shared->queued.load(); });
          Slot* const slot = shared->ring.claim();
          explorer.write_plain(slot);
          shared->ring.commit(*slot);
          item == QueueItem::value ? shared->account.finish() : shared->account.mark_done();
        },
        [=, &explorer] {
          (item == QueueItem::value ? shared->account.handed : shared->account.marks_pushed).add(1);
          shared->queued.store(true);
          bool empty = shared->ring.read_out();
          explorer.until([&] { return shared->account.idle(); });
          if (fault != CloseFault::rings_first) empty = shared->ring.read_out();
          explorer.check(!empty, "an event was left behind");
          explorer.until([&] { return !shared->ring.available(1).empty(); });
          explorer.read_plain(shared->ring.peek(1));
        }};
  });
}

const Program close_value_program([](const Explorer::Options& options) {
  return explore_close(options, QueueItem::value);
});
const Program close_mark_program([](const Explorer::Options& options) {
  return explore_close(options, QueueItem::mark);
});

TEST(CloseModel, FirstTheExecutorThenTheRingsLeavesNothingBehind) {
  for (const QueueItem item : {QueueItem::value, QueueItem::mark})
    EXPECT_GT(explore_close({.preemptions = 4}, item), 20u);
}
TEST(CloseModel, TheOtherOrderIsCaught) {
  for (const QueueItem item : {QueueItem::value, QueueItem::mark})
    EXPECT_THROW(explore_close({.preemptions = 4}, item, CloseFault::rings_first), Violation);
}
TEST(CloseModel, ARelaxedStoreOrLoadIsCaught) {
  for (const QueueItem item : {QueueItem::value, QueueItem::mark}) {
    EXPECT_THROW(explore_close({.preemptions = 4, .weak_stores = true}, item), Violation);
    EXPECT_THROW(explore_close({.preemptions = 4, .weak_loads = true}, item), Violation);
  }
}

/// A loop publishes its last and lets its ring go on being read; who closes waits for that and drains what is there.
std::uint64_t explore_hold(Explorer::Options options, bool lets_go_first = false) {
  Explorer explorer(options);
  return explorer.run([&explorer, lets_go_first] {
    struct World {
      CloseRing ring{2};
      BasicTold<bool, Atomics> holds;
    };
    auto world = std::make_shared<World>();
    return std::vector<std::function<void()>>{[=] {
                                                world->ring.hold(true);
                                                world->holds.store(true);
                                                if (lets_go_first) world->ring.hold(false);
                                                world->ring.commit(*world->ring.claim());
                                                world->ring.hold(false);
                                              },
                                              [=, &explorer] {
                                                explorer.until([&] { return world->holds.load(); });
                                                explorer.until([&] { return !world->ring.held(); });
                                                explorer.check(!world->ring.read_out(),
                                                               "the bus was closed before its loop's last event");
                                              }};
  });
}

const Program hold_program([](const Explorer::Options& options) { return explore_hold(options); });

TEST(CloseModel, WhoClosesDrainsWhatAHeldRingGotLast) { EXPECT_GT(explore_hold({.preemptions = 4}), 10u); }
TEST(CloseModel, ARingThatIsLetGoBeforeItsLastEventIsCaught) {
  EXPECT_THROW(explore_hold({.preemptions = 4}, true), Violation);
}

/// A value behind which something was written.
std::uint64_t explore_told(Explorer::Options options) {
  Explorer explorer(options);
  return explorer.run([&explorer] {
    struct World {
      BasicTold<int, Atomics> told;
      int data[2] = {};
    };
    auto world = std::make_shared<World>();
    return std::vector<std::function<void()>>{[=, &explorer] {
                                                for (int i = 0; i < 2; ++i) {
                                                  explorer.write_plain(&world->data[i]);
                                                  world->told.store(i + 1);
                                                }
                                              },
                                              [=, &explorer] {
                                                explorer.until([&] { return world->told.load() != 0; });
                                                explorer.read_plain(&world->data[0]);
                                                if (world->told.load() == 2) explorer.read_plain(&world->data[1]);
                                              }};
  });
}

const Program told_program([](const Explorer::Options& options) { return explore_told(options); });

TEST(ToldModel, WhoLoadsFindsWhatWasWrittenBefore) { EXPECT_GT(explore_told({.preemptions = 4}), 10u); }

/// Sleeps until the word isn't 0: no nap is so short that it ends by itself.
struct ModelSleep {
  using Word = Atomics::Atomic<std::uint32_t>;
  static void wait(Word& word, Nanoseconds) {
    Explorer::current()->until([&] { return word.load(std::memory_order_relaxed) != 0; });
  }
  static void wake(Word&) {}
};

/// Two threads each leave something and wake the one who sleeps until he has found both.
std::uint64_t explore_waker(Explorer::Options options, bool wakes_first = false) {
  Explorer explorer(options);
  return explorer.run([wakes_first] {
    struct World {
      BasicWaker<Atomics, ModelSleep> waker;
      BasicTold<bool, Atomics> left[2];
    };
    auto world = std::make_shared<World>();
    const auto leave = [=](int which) {
      if (wakes_first) world->waker.wake();
      world->left[which].store(true);
      if (!wakes_first) world->waker.wake();
    };
    return std::vector<std::function<void()>>{[=] { leave(0); }, [=] { leave(1); },
                                              [=] {
                                                while (!world->left[0].glance() || !world->left[1].glance())
                                                  world->waker.sleep(0);
                                              }};
  });
}

const Program waker_program([](const Explorer::Options& options) { return explore_waker(options); });

TEST(WakerModel, WhoIsWokenFindsWhatHeWasWokenFor) { EXPECT_GT(explore_waker({.preemptions = 3}), 100u); }
TEST(WakerModel, AWakeThatComesFirstIsCaught) { EXPECT_THROW(explore_waker({.preemptions = 3}, true), Violation); }
TEST(WakerModel, OneSignalThatForgetsAnotherIsCaught) {
  EXPECT_THROW(explore_waker({.preemptions = 3, .plain_modifications = true}), Violation);
}

}  // namespace
}  // namespace sidestep
