// Pipelines that come and go while events are published, with the real ring, its numbers, and the real words by which
// threads tell each other: the list has a lock, and its version says when a copy of it is old. The list, the producer
// and the dispatcher do as Dispatcher::add and end, Producer and Worker::drain do.
#include <sidestep/bus/ring.hpp>
#include <sidestep/bus/told.hpp>

#include <model/explorer.hpp>

#include <gtest/gtest.h>

#include <mutex>

namespace sidestep {
namespace {

using model::Atomics;
using model::Explorer;
using model::Program;
using model::Violation;

struct NeverSpills {
  void push(const Slot&) {}
  std::size_t pop(Slot*, std::size_t) { return 0; }
};

enum class ModelLife : std::uint8_t { running, ended };

/// A bus with one ring and one pipeline.
struct BusWorld {
  BasicProducerRing<Atomics, NeverSpills> ring{4};
  model::Mutex mutex;
  BasicVersion<Atomics> version;
  bool listed = false, asked_to_end = false;  // guarded by the lock
  Sequence begin = 0, end = 0;                // as above
  BasicLife<ModelLife, Atomics> life;
  std::uint64_t delivered = 0;  // a bit for each number: the handler's
  BasicTold<bool, Atomics> told_begin, told_end;

  void publish() {
    Slot* const slot = ring.claim();
    Explorer::current()->write_plain(slot);
    ring.commit(*slot);
  }
  void add() {
    const std::lock_guard lock(mutex);
    begin = ring.upcoming();
    listed = true;
    version.changed();
  }
  void ask_to_end() {
    const std::lock_guard lock(mutex);
    end = ring.upcoming();
    asked_to_end = true;
    version.changed();
  }
};

/// The dispatcher: its copy of the list.
class ModelWorker {
 public:
  ModelWorker(Explorer& explorer, BusWorld& world, bool renews_first)
      : explorer_(explorer), world_(world), renews_first_(renews_first) {}
  void pass() {
    renew();
    const std::span<const Slot> slots = world_.ring.available(4);
    if (!renews_first_) renew();
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const Sequence number = last_ + 1 + i;
      explorer_.read_plain(&slots[i]);
      if (!runs_ || !listed_ || number < begin_ || (ends_ && number >= end_)) continue;
      explorer_.write_plain(&world_.delivered);
      world_.delivered |= std::uint64_t{1} << number;
    }
    last_ += slots.size();
    world_.ring.release(slots.size());
    if (ends_ && runs_ && last_ + 1 >= end_) runs_ = !world_.life.end(ModelLife::ended);
  }
  /// Its copy is.
  bool old() const { return world_.version.number() != seen_; }
  Sequence last() const { return last_; }

 private:
  void renew() {
    if (!old()) return;
    const std::lock_guard lock(world_.mutex);
    seen_ = world_.version.number();
    listed_ = world_.listed, begin_ = world_.begin, ends_ = world_.asked_to_end, end_ = world_.end;
  }

  Explorer& explorer_;
  BusWorld& world_;
  const bool renews_first_;
  std::uint64_t seen_ = 0;
  bool listed_ = false, ends_ = false, runs_ = true;
  Sequence begin_ = 0, end_ = 0, last_ = 0;
};

/// An event before, one meanwhile, one that is published by a thread which was told that the pipeline is there.
std::uint64_t explore_adding(Explorer::Options options, bool renews_first = false) {
  Explorer explorer(options);
  return explorer.run([&explorer, renews_first] {
    auto world = std::make_shared<BusWorld>();
    return std::vector<std::function<void()>>{
        [=, &explorer] {
          world->publish();
          world->told_end.store(true);  // here: the first is out
          world->publish();
          explorer.until([&] { return world->told_begin.load(); });
          world->publish();
        },
        [=, &explorer] {
          explorer.until([&] { return world->told_end.load(); });
          world->add();
          world->told_begin.store(true);
        },
        [=, &explorer] {
          ModelWorker worker(explorer, *world, renews_first);
          while (worker.last() < 3) {
            explorer.until([&] { return !world->ring.available(1).empty(); });
            worker.pass();
          }
          explorer.check((world->delivered & 1u << 3) != 0,
                         "an event that was published after subscribe() returned wasn't seen");
          explorer.check((world->delivered & 1u << 1) == 0, "an event from before was seen");
        }};
  });
}

/// One event while the pipeline is there, one meanwhile; when end() has returned, its handler's data are let go and
/// another event comes.
std::uint64_t explore_ending(Explorer::Options options) {
  Explorer explorer(options);
  return explorer.run([&explorer] {
    auto world = std::make_shared<BusWorld>();
    world->listed = true;
    return std::vector<std::function<void()>>{
        [=, &explorer] {
          world->publish();
          world->told_begin.store(true);
          explorer.until([&] { return world->told_end.load(); });
          world->publish();
          world->ring.leave();
        },
        [=, &explorer] {
          world->ask_to_end();
          explorer.until([&] { return world->life.state() != ModelLife::running; });
          explorer.write_plain(&world->delivered);  // its handler's data are gone
          world->told_end.store(true);
        },
        [=, &explorer] {
          ModelWorker worker(explorer, *world, false);
          for (bool done = false; !done;) {
            explorer.until(
                [&] { return !world->ring.available(1).empty() || worker.old() || (done = world->ring.done()); });
            worker.pass();
          }
        }};
  });
}

/// One preemption is enough to notice what is weakened.
Explorer::Options once(Explorer::Options options) {
  options.preemptions = 1;
  return options;
}
const Program adding_program([](const Explorer::Options& options) { return explore_adding(once(options)); });
const Program ending_program([](const Explorer::Options& options) { return explore_ending(once(options)); });

TEST(SubscribingModel, APipelineSeesWhatIsPublishedAfterItWasAddedAndNothingFromBefore) {
  EXPECT_GT(explore_adding({.preemptions = 2}), 1000u);
}
TEST(SubscribingModel, ACopyThatIsRenewedOnlyBeforeEventsAreTakenIsCaught) {
  EXPECT_THROW(explore_adding({.preemptions = 2}, true), Violation);
}
TEST(SubscribingModel, RelaxedStoresOrLoadsAreCaught) {
  EXPECT_THROW(explore_adding({.preemptions = 2, .weak_stores = true}), Violation);
  EXPECT_THROW(explore_adding({.preemptions = 2, .weak_loads = true}), Violation);
}
TEST(EndingModel, APipelineSeesNothingWhenItHasEnded) { EXPECT_GT(explore_ending({.preemptions = 2}), 1000u); }
TEST(EndingModel, RelaxedStoresOrLoadsAreCaught) {
  EXPECT_THROW(explore_ending({.preemptions = 2, .weak_stores = true}), Violation);
  EXPECT_THROW(explore_ending({.preemptions = 2, .weak_loads = true}), Violation);
}

/// A pipeline ends on another thread than its dispatcher's, who looks for ended ones when their number has changed, and
/// only then.
std::uint64_t explore_forgetting(Explorer::Options options, bool counts_first = false) {
  struct Two {
    BasicLife<ModelLife, Atomics> lives[2];
    BasicVersion<Atomics> ends;
  };
  Explorer explorer(options);
  return explorer.run([&explorer, counts_first] {
    auto two = std::make_shared<Two>();
    const auto end = [=](int which) {
      if (counts_first) two->ends.changed();
      two->lives[which].end(ModelLife::ended);
      if (!counts_first) two->ends.changed();
    };
    return std::vector<std::function<void()>>{[=] { end(0); }, [=] { end(1); },
                                              [=, &explorer] {
                                                std::uint64_t seen = 0;
                                                bool forgotten[2] = {};
                                                while (!forgotten[0] || !forgotten[1]) {
                                                  std::uint64_t ends = 0;
                                                  explorer.until([&] { return (ends = two->ends.number()) != seen; });
                                                  seen = ends;
                                                  for (int i = 0; i < 2; ++i)
                                                    forgotten[i] |= two->lives[i].state() != ModelLife::running;
                                                }
                                              }};
  });
}

const Program forgetting_program([](const Explorer::Options& options) { return explore_forgetting(options); });

TEST(EndingModel, WhatHasEndedIsForgotten) { EXPECT_GT(explore_forgetting({.preemptions = 3}), 10u); }
TEST(EndingModel, ACountBeforeTheEndIsCaught) { EXPECT_THROW(explore_forgetting({.preemptions = 3}, true), Violation); }
TEST(EndingModel, OneCountThatForgetsTheOtherIsCaught) {
  EXPECT_THROW(explore_forgetting({.preemptions = 3, .plain_modifications = true}), Violation);
}

}  // namespace
}  // namespace sidestep
