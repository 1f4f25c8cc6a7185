// The protocol under orders of our choice: threads are held at the points where a wrong order would show.
#include "background.hpp"
#include "hold.hpp"
#include "small_run.hpp"

#include <atomic>
#include <thread>

namespace sidestep::test {
namespace {

using namespace std::chrono_literals;

TEST(Order, TheTrainerWaitsForAWordThatCoversARequestAlreadyInTheMailbox) {
  for (const Point point : {Point::request_enqueued, Point::word_observed, Point::item_taken}) {
    SmallRun run{.options = {.sync = lag(1)}, .bus_options = {.thread = true}};
    Handle pipeline;
    std::atomic<Step> reached{0};
    run.between = [&](Loop&, Step step) { reached = step; };
    run.pipelines = [&](Bus& bus, Control& control) {
      pipeline = bus.on<BatchEnd>() | observe_on(io) | decide(control, note_at(1, {1, 2}));
    };
    Hold decider(point, of(pipeline));
    Hold trainer(Point::boundary_wait);
    {
      Background go(run);
      decider.await();
      trainer.await();  // at boundary 2, for BatchEnd(1)
      EXPECT_EQ(reached, 1);
      trainer.let_go();
      decider.let_go();
    }
    EXPECT_EQ(run.table(), "noted pipeline 1->2 1001\nnoted pipeline 2->3 1002\n");
  }
}

TEST(Order, AnotherDecidersEarlyRequestDoesntStandInForOne) {
  SmallRun run{.steps = 6, .options = {.sync = lag(2)}, .bus_options = {.thread = true}};
  Handle early, other;
  run.pipelines = [&](Bus& bus, Control& control) {
    early = bus.on<BatchEnd>().named("early") | observe_on(io) | decide(control, note_at(1, {1, 2, 3, 4}));
    other = bus.on<BatchEnd>().named("other") | observe_on(io) | decide(control, note_at(2, {1, 2, 3, 4}));
  };
  // Held at its third request, when the first two are covered: it is the trainer's boundary 5 that needs it.
  Hold hold(Point::request_enqueued, of(early), 2);
  Hold trainer(Point::boundary_wait, {}, 0);
  {
    Background go(run);
    hold.await();
    trainer.let_go();
    Hold at_five(Point::boundary_wait);
    at_five.await();
    at_five.let_go();
    hold.let_go();
  }
  EXPECT_EQ(run.table(),
            "noted early 1->3 1001\nnoted other 1->3 2001\nnoted early 2->4 1002\nnoted other 2->4 2002\n"
            "noted early 3->5 1003\nnoted other 3->5 2003\nnoted early 4->6 1004\nnoted other 4->6 2004\n");
}

/// Counts what it sees, and stands still at step 4 until the test has seen enough.
struct Counting {
  std::atomic<bool>* go_on;
  std::int64_t seen = 0;
  std::optional<Noted> operator()(const BatchEnd& e) {
    ++seen;
    while (e.step == 4 && !*go_on) std::this_thread::yield();
    return std::nullopt;
  }
  void state(auto& archive) { archive(seen); }
};

TEST(Order, ABarrierIsAnsweredWithTheStateOfTheCutHoweverLate) {
  Folder folder;
  SmallRun run{.steps = 12,
               .steps_per_epoch = 100,
               .options = {.sync = lag(5), .folder = folder.path(), .last = ""},
               .bus_options = {.thread = true}};
  std::atomic<bool> go_on{false};
  run.pipelines = [&](Bus& bus, Control& control) {
    bus.on<BatchEnd>().named("slow") | observe_on(io) | decide(control, Counting{&go_on});
    bus.on<BatchEnd>().named("save") | take(1) |
        decide(control, [](const BatchEnd&) { return SaveCheckpoint{.file = "cut"}; });
  };
  // Boundary 6 applies what step 1 asked for: the cut. The trainer goes on until boundary 9, which waits for step 4.
  run.between = [&](Loop& loop, Step step) {
    if (step <= 3)
      loop.bus().flush();  // or one span could hold the first four steps, and no word would cover any of them
    EXPECT_TRUE(step < 9 || go_on);
    if (step == 8) {
      EXPECT_FALSE(std::filesystem::exists(folder.path() / "cut"));
      go_on = true;
    }
  };
  run.go();
  const auto state = CheckpointState::from_text(read_file(folder.path() / "cut").substr(24));
  EXPECT_EQ(state.step, 6);
  ASSERT_EQ(state.pipelines.size(), 2u);
  std::int64_t seen = 0;  // behind four bytes of the chain's own
  ASSERT_EQ(state.pipelines[0].parts.at(1).size(), 12u);
  std::memcpy(&seen, state.pipelines[0].parts[1].data() + 4, 8);
  EXPECT_EQ(seen, 6);
}

TEST(Order, AnEpochsBoundaryWaitsForEpochEndItself) {
  SmallRun run{.steps = 7, .options = {.sync = lag(2)}, .bus_options = {.thread = true}};
  Handle epoch;
  std::atomic<Step> reached{0};
  run.before = [&](Loop&, Step step) { reached = step; };
  run.pipelines = [&](Bus& bus, Control& control) {
    epoch = bus.on<EpochEnd>().named("epoch") | observe_on(io) | decide(control, [](const EpochEnd& e) {
              return Noted{1, e.step};
            });
  };
  Hold hold(Point::request_enqueued, of(epoch));
  {
    Background go(run);
    hold.await();
    Hold trainer(Point::boundary_wait);
    trainer.await();
    EXPECT_EQ(reached, 5);
    trainer.let_go();
    hold.let_go();
  }
  EXPECT_EQ(run.table(), "noted epoch 5->5 1005\n");  // the partial one at the end: behind FitEnd, refused
}

TEST(Order, TheListOfACutIsSealedOnlyWhenEveryWordHasPassedItsBarrier) {
  Folder folder;
  SmallRun run{
      .steps = 9, .options = {.sync = lag(2), .folder = folder.path(), .last = ""}, .bus_options = {.thread = true}};
  Handle slow;
  run.pipelines = [&](Bus& bus, Control& control) {
    slow = bus.on<BatchEnd>().named("slow") | observe_on(io) | decide(control, [](const BatchEnd& e) {
             return Noted{1, e.step};
           });
    bus.on<BatchEnd>().named("save") | take(1) |
        decide(control, [](const BatchEnd&) { return SaveCheckpoint{.file = "cut"}; });
  };
  // At its fourth request (the first three may have been taken at the cut, boundary 3; 2 and 3 are pending there).
  Hold hold(Point::request_enqueued, of(slow), 3);
  std::set<std::string> while_held;
  {
    Background go(run);
    hold.await();
    Hold trainer(Point::boundary_wait);
    trainer.await();
    for (const auto& [name, text] : read_folder(folder.path())) while_held.insert(name);
    trainer.let_go();
    hold.let_go();
  }
  EXPECT_FALSE(while_held.contains("cut"));
  const auto state = CheckpointState::from_text(read_file(folder.path() / "cut").substr(24));
  ASSERT_EQ(state.pending.size(), 2u);
  EXPECT_EQ(state.pending[0].cause_step, 2);
  EXPECT_EQ(state.pending[1].cause_step, 3);
}

/// A cut at boundary 3 while `slow` stands at its request of step 2, which is in the mailbox and which its word doesn't
/// cover. The trainer goes on until boundary 4, which waits for that step: the cut is open, and can't be sealed.
struct HeldBetweenCutAndSeal {
  Folder folder;
  SmallRun run{.steps = 9,
               .steps_per_epoch = 100,
               .options = {.sync = lag(2), .folder = folder.path(), .last = ""},
               .bus_options = {.thread = true, .deadline = 20s}};
  Handle slow;
  Step throws_at = 0;

  void go(const std::function<void(Hold& decider, Hold& trainer)>& between) {
    run.pipelines = [&](Bus& bus, Control& control) {
      slow = bus.on<BatchEnd>().named("slow") | observe_on(io) | decide(control, pure([this](const BatchEnd& e) {
                                                                          if (e.step == throws_at)
                                                                            throw std::runtime_error("thrown");
                                                                          return Noted{1, e.step};
                                                                        }));
      bus.on<BatchEnd>().named("save") | take(1) |
          decide(control, [](const BatchEnd&) { return SaveCheckpoint{.file = "cut"}; });
    };
    Hold decider(Point::request_enqueued, of(slow), 1);
    Hold trainer(Point::boundary_wait);
    run.before = [&](Loop& loop, Step step) {
      if (step == 2) loop.bus().flush();  // everybody's word covers step 1, so boundary 3 waits for nobody
      if (step == 3) decider.await();
      reached = step;
    };
    {
      Background running(run);
      trainer.await();
      EXPECT_EQ(reached, 4);
      EXPECT_TRUE(decider.holds());
      EXPECT_FALSE(read_folder(folder.path()).contains("cut"));
      between(decider, trainer);
      decider.let_go();
      trainer.let_go();
    }
    ASSERT_TRUE(read_folder(folder.path()).contains("cut"));
    state = CheckpointState::from_text(read_file(folder.path() / "cut").substr(24));
    EXPECT_EQ(state.step, 3);
    for (const PendingRow& row : state.pending) {
      EXPECT_EQ(row.by, "slow");
      pending.emplace_back(row.cause_step, row.due_step.value_or(-1));
    }
  }
  std::atomic<Step> reached{0};
  CheckpointState state;
  std::vector<std::pair<Step, Step>> pending;  // cause and due step of each request in the file's list
};

TEST(Order, ADeciderThatEndsBetweenCutAndSealLeavesInTheListAllThatItAskedForBeforeTheCut) {
  HeldBetweenCutAndSeal held;
  held.go([&](Hold& decider, Hold&) {
    const QueueAccount& queue = *held.slow->queues()[0];
    while (queue.handed.get() < 4) std::this_thread::yield();  // the Barrier lies in its queue, in front of step 4
    const auto marks = queue.marks_pushed.get();
    std::jthread remover([&] { held.slow->end(); });
    while (queue.marks_pushed.get() == marks) std::this_thread::yield();
    decider.let_go();
    remover.join();
    EXPECT_NE(held.slow->life(), Subscription::Life::running) << "gone, and the trainer has taken nothing yet";
  });
  EXPECT_EQ(held.pending, (std::vector<std::pair<Step, Step>>{{2, 4}, {3, 5}}));
  ASSERT_EQ(held.state.pipelines.size(), 2u) << "at the cut it was part of the run";
  EXPECT_EQ(held.state.pipelines[0].requests, 3u);
  EXPECT_EQ(held.run.table(),
            "noted slow 1->3 1001\nsave_checkpoint save 1->3 0\nnoted slow 2->4 1002\nnoted slow 3->5 1003\n"
            "noted slow 4->6 1004\n");
}

TEST(Order, ADeciderThatIsFailedBetweenCutAndSealLeavesInTheListWhatItsWordCovers) {
  HeldBetweenCutAndSeal held;
  held.run.options.decision_deadline = 500ms;
  held.go([&](Hold& decider, Hold& trainer) {
    Hold next(Point::request_enqueued, of(held.slow));
    decider.let_go();
    next.await();  // its word covers step 2; its request of step 3, before the cut too, is in the mailbox
    trainer.let_go();
    while (!held.slow->failed()) std::this_thread::yield();
  });
  EXPECT_TRUE(held.slow->decider_failed());
  EXPECT_EQ(held.pending, (std::vector<std::pair<Step, Step>>{{2, 4}}));
  ASSERT_EQ(held.state.pipelines.size(), 2u);
  EXPECT_EQ(held.state.pipelines[0].without, "failed");
  EXPECT_EQ(held.run.table(), "noted slow 1->3 1001\nsave_checkpoint save 1->3 0\nnoted slow 2->4 1002\n");
}

TEST(Order, ADeciderThatThrowsBetweenCutAndSealLeavesInTheListWhatItAskedForBefore) {
  HeldBetweenCutAndSeal held;
  held.throws_at = 3;
  held.go([&](Hold& decider, Hold&) {
    decider.let_go();
    while (!held.slow->failed()) std::this_thread::yield();
  });
  EXPECT_FALSE(held.slow->decider_failed());
  EXPECT_EQ(held.pending, (std::vector<std::pair<Step, Step>>{{2, 4}}));
  ASSERT_EQ(held.state.pipelines.size(), 2u);
  EXPECT_EQ(held.state.pipelines[0].without, "failed");
  EXPECT_EQ(held.run.table(), "noted slow 1->3 1001\nsave_checkpoint save 1->3 0\nnoted slow 2->4 1002\n");
}

// ---- all orders, as far as holds make them: who is held at a point goes on when the trainer can't

class Schedule {
 public:
  Schedule(unsigned held_points) : held_(held_points) {
    current = this;
    test_hook.store(&arrive, std::memory_order_release);  // pairs with test_point
  }
  ~Schedule() {
    stop();
    test_hook.store(nullptr, std::memory_order_release);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return inside_ == 0; });
    current = nullptr;
  }
  /// Lets everybody go, and holds nobody any more.
  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    ++epoch_;
    changed_.notify_all();
  }

 private:
  static inline std::atomic<Schedule*> current{nullptr};
  static void arrive(Point point, const void*) {
    if (Schedule* const schedule = current.load()) schedule->at(point);
  }
  void at(Point point) {
    std::unique_lock lock(mutex_);
    if (point == Point::boundary_wait || point == Point::ring_full) {  // the trainer can't go on: everybody else does
      ++epoch_;
      changed_.notify_all();
      return;
    }
    if (stopped_ || (held_ >> static_cast<unsigned>(point) & 1) == 0) return;
    ++inside_;
    const int mine = epoch_;
    changed_.wait(lock, [&] { return epoch_ != mine; });
    --inside_;
    changed_.notify_all();
  }

  const unsigned held_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int epoch_ = 0, inside_ = 0;
  bool stopped_ = false;
};

TEST(Order, UnderLagTheSameListInEveryOrder) {
  constexpr std::array points{Point::span_taken, Point::word_inline,   Point::cursor,
                              Point::item_taken, Point::word_observed, Point::request_enqueued};
  for (const int k : {0, 1, 2}) {
    std::optional<std::string> expected;
    for (unsigned mask = 0; mask < 1u << points.size(); ++mask)
      for (unsigned drained = 0; drained < 4;
           ++drained) {  // behind which steps the trainer lets everything be handled first
        unsigned held = 0;
        for (std::size_t i = 0; i < points.size(); ++i) held |= (mask >> i & 1) << static_cast<unsigned>(points[i]);
        SmallRun run{.steps = 4, .steps_per_epoch = 3, .options = {.sync = lag(k)}, .bus_options = {.thread = true}};
        run.pipelines = [](Bus& bus, Control& control) {
          bus.on<BatchEnd>().named("inline") | decide(control, note_at(1, {1, 2, 4}));
          bus.on<BatchEnd>().named("observed") | observe_on(io) | decide(control, note_at(2, {1, 3}));
          bus.on<EpochEnd>().named("epoch") | observe_on(compute) | decide(control, [](const EpochEnd& e) {
            return Noted{3, e.step};
          });
        };
        std::optional<Schedule> schedule(held);
        run.between = [&](Loop& loop, Step step) {
          if (step > 2 || (drained >> (step % 2) & 1) == 0) return;
          schedule.reset();
          loop.bus().flush();
          schedule.emplace(held);
        };
        run.before = [&](Loop&, Step step) {
          if (step == 4)
            schedule->stop();  // the run's last boundary and its drain wait for all: nothing may be held by then
        };
        run.go();
        schedule.reset();
        if (!expected) expected = run.table();
        ASSERT_EQ(run.table(), *expected) << "k=" << k << " held=" << mask << " drained=" << drained;
      }
    EXPECT_FALSE(expected->empty());
  }
}

TEST(Order, OnAnArenaOwnCountsArriveWithoutGapsAndInOrder) {
  SmallRun run{.steps = 900, .steps_per_epoch = 1000, .options = {.sync = lag(2)}, .bus_options = {.thread = true}};
  run.pipelines = [](Bus& bus, Control& control) {
    bus.on<BatchEnd>().named("a") | observe_on(compute) | decide(control, [](const BatchEnd& e) {
      return Decisions{}.ask(Noted{1, e.step}).ask(Noted{2, e.step});
    });
    bus.on<BatchEnd>().named("b") | observe_on(compute) | decide(control, [](const BatchEnd& e) {
      return Noted{3, e.step};
    });
  };
  run.go();
  ASSERT_EQ(run.decisions.size(), 3u * 898);
  for (std::size_t i = 0; i < run.decisions.size(); ++i) {
    const Step cause = static_cast<Step>(i / 3) + 1;
    ASSERT_EQ(run.decisions[i].cause_step, cause);
    ASSERT_EQ(run.decisions[i].applied_step, cause + 2);
    ASSERT_EQ(run.decisions[i].value, static_cast<double>((static_cast<std::int64_t>(i % 3) + 1) * 1000 + cause));
  }
}

}  // namespace
}  // namespace sidestep::test
