// One test for each fault that a protocol like this has been seen to make, by its number in the model; those that have
// a test elsewhere: 1, 2, 4 (order_test, Order.TheTrainerWaitsForAWordThatCoversARequestAlreadyInTheMailbox: 4 is its
// item_taken, and boundary_test's Boundary.BehindObserveOnTheSame), 10, 13 (order_test), 6, 7, 8 (checkpoint_test,
// order_test), 11, 12, 15 (deadline_test), 21 (resume_test), 22 (order_test).
#include "background.hpp"
#include "gate.hpp"
#include "hold.hpp"
#include "small_run.hpp"

#include <atomic>
#include <thread>

namespace sidestep::test {
namespace {

using namespace std::chrono_literals;

/// Counts what it sees.
struct Count {
  std::int64_t seen = 0;
  std::optional<Noted> operator()(const BatchEnd&) { return ++seen, std::nullopt; }
  void state(auto& archive) { archive(seen); }
};

/// What the last part of a pipeline had counted at the cut.
std::int64_t counted(const CheckpointState& state, std::string_view pipeline) {
  for (const PipelineState& one : state.pipelines)
    if (one.key.starts_with(pipeline) && !one.parts.empty() && one.parts.back().size() == 12) {
      std::int64_t seen = 0;  // behind four bytes of the chain's own
      std::memcpy(&seen, one.parts.back().data() + 4, 8);
      return seen;
    }
  return -1;
}

// 3: the Barrier travels in the trainer's own ring; 16: and through the queue of an observe_on. Whoever is far behind
// answers as of the cut all the same.
TEST(Fault, ABarrierOvertakesNothing) {
  for (const bool hold_dispatcher : {true, false}) {
    Folder folder;
    SmallRun run{.steps = 9,
                 .steps_per_epoch = 100,
                 .options = {.sync = relaxed, .folder = folder.path(), .last = ""},
                 .bus_options = {.thread = true}};
    Handle observed;
    Control* asked = nullptr;
    run.pipelines = [&](Bus& bus, Control& control) {
      asked = &control;
      observed = bus.on<BatchEnd>().named("observed") | observe_on(io) | decide(control, Count{});
      bus.on<BatchEnd>().named("inline") | decide(control, Count{});
    };
    std::optional<Hold> hold;
    run.between = [&](Loop& loop, Step step) {
      if (step == 1) {
        loop.bus().flush();
        hold.emplace(hold_dispatcher ? Point::span_taken : Point::item_taken);
      }
      if (step == 2) hold->await();  // it stands at step 2; the cut is made at 6
      if (step == 5) asked->request(SaveCheckpoint{.file = "cut"});
      if (step == 8) {
        EXPECT_TRUE(hold->holds());
        hold.reset();
      }
    };
    run.go();
    const auto state = CheckpointState::from_text(read_file(folder.path() / "cut").substr(24));
    EXPECT_EQ(state.step, 6);
    EXPECT_EQ(counted(state, "observed/"), 6);
    EXPECT_EQ(counted(state, "inline/"), 6);
  }
}

/// A run with a decider "hangs" that stands still at step 3 until `wakes`: in its handler, or with its request in the
/// mailbox and its word not stored. It is failed by its deadline, which is long enough for a busy machine to get to
/// step 3; another one lives.
struct Hung {
  enum class Where { in_its_handler, before_its_word };
  Folder folder;
  SmallRun run{.steps = 12,
               .steps_per_epoch = 100,
               .options = {.sync = lag(1), .folder = folder.path(), .last = "", .decision_deadline = 500ms},
               .bus_options = {.thread = true, .deadline = 20s}};
  Handle hangs;
  std::vector<Step> seen;  // by the one that hangs, on its own thread
  std::set<std::string> files;

  void go(Where where, Step wakes) {
    Gate gate;
    if (where == Where::before_its_word) gate.open();
    run.pipelines = [&](Bus& bus, Control& control) {
      hangs =
          bus.on<BatchEnd>().named("hangs") | observe_on(io) | decide(control, pure([this, &gate](const BatchEnd& e) {
                                                                        seen.push_back(e.step);
                                                                        if (e.step == 3) gate.pass();
                                                                        return Noted{1, e.step};
                                                                      }));
      bus.on<BatchEnd>().named("lives") | decide(control, pure([](const BatchEnd& e) {
                                                   Decisions asked;
                                                   if (e.step == 6) asked.ask(SaveCheckpoint{.file = "cut"});
                                                   return asked.ask(Noted{2, e.step});
                                                 }));
    };
    std::optional<Hold> hold;
    if (where == Where::before_its_word) hold.emplace(Point::request_enqueued, of(hangs), 2);
    run.between = [&](Loop& loop, Step step) {
      if (step == 2) loop.bus().flush();  // its word covers the first two
      if (step == 3) hold ? hold->await() : gate.await();
      if (step != wakes) return;
      gate.open();
      hold.reset();
      while (hangs->queues()[0]->finished.load() < 3) std::this_thread::yield();
    };
    run.go();
    for (const auto& [name, text] : read_folder(folder.path())) files.insert(name);
  }
  std::vector<Step> causes_of(std::string_view by) const {
    std::vector<Step> causes;
    for (const AppliedRow& row : run.decisions)
      if (row.by == by && row.decision == "noted") causes.push_back(*row.cause_step);
    return causes;
  }
};

const std::vector<Step> all_but_the_last{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

TEST(Fault5, AFailedDeciderIsWaitedForNoMoreByBoundariesOrCheckpoints) {
  Hung hung;
  hung.go(Hung::Where::in_its_handler, 12);
  EXPECT_TRUE(hung.hangs->failed());
  ASSERT_EQ(hung.run.broken.size(), 1u);
  EXPECT_EQ(hung.causes_of("lives"), all_but_the_last);
  EXPECT_EQ(hung.causes_of("hangs"), (std::vector<Step>{1, 2}));
  EXPECT_EQ(hung.files, std::set<std::string>{"cut"}) << "sealed, and complete without it";
}

TEST(Fault14, WhatAFailedDeciderAsksForWhenItWakesIsNobodys) {
  Hung hung;
  hung.go(Hung::Where::in_its_handler, 8);  // handles step 3 when it wakes, and asks
  EXPECT_EQ(hung.seen, (std::vector<Step>{1, 2, 3}));
  EXPECT_EQ(hung.causes_of("hangs"), (std::vector<Step>{1, 2}));
  EXPECT_EQ(hung.causes_of("lives"), all_but_the_last);
  EXPECT_EQ(hung.run.pending.size(), 1u);
}

TEST(Fault18, AFailedDeciderIsFedNothingMoreBehindTheGap) {
  Hung hung;
  hung.go(Hung::Where::in_its_handler, 6);
  EXPECT_EQ(hung.seen, (std::vector<Step>{1, 2, 3}));
  EXPECT_LT(hung.hangs->queues()[0]->handed.get(), 12u);
}

// Its request of step 3 is in the mailbox when it is failed, and the other's are taken from the same mailbox meanwhile;
// but its word doesn't cover it. That it would have been applied at one speed and not at another is the fault.
TEST(Fault19, ARequestThatNoWordCoversGoesWithItsDecider) {
  for (const Step wakes : {6, 12}) {
    Hung hung;
    hung.go(Hung::Where::before_its_word, wakes);
    EXPECT_EQ(hung.causes_of("hangs"), (std::vector<Step>{1, 2})) << wakes;
    EXPECT_EQ(hung.causes_of("lives"), all_but_the_last);
    for (const PendingRow& row : hung.run.pending) EXPECT_EQ(row.by, "lives");
  }
}

TEST(Fault9, AHandlerThatPublishesIntoItsFullRingDoesntWait) {
  SmallRun run{.steps = 12, .options = {.sync = lockstep}, .bus_options = {.ring_capacity = 4, .thread = true}};
  std::atomic<int> echoes{0};
  run.pipelines = [&](Bus& bus, Control& control) {
    Bus* const on = &bus;
    bus.on<BatchEnd>().named("publishes") | decide(control, pure([on](const BatchEnd& e) {
                                                     for (int i = 0; i < 20; ++i)
                                                       on->publish(Metric{.step = e.step, .metric = intern("echo")});
                                                     return std::optional(Noted{1, e.step});
                                                   }));
    bus.on<Metric>().from(Stream::others).named("echo") | subscribe([&](const Metric&) { ++echoes; });
  };
  run.go();
  EXPECT_EQ(echoes, 12 * 20);
  EXPECT_EQ(run.decisions.size(), 12u);
  EXPECT_EQ(run.account.published, run.account.delivered);
}

TEST(Fault17, ADeciderThatIsRemovedIsWaitedForUntilItsQueueIsEmpty) {
  SmallRun run{.steps = 6, .options = {.sync = lag(2)}, .bus_options = {.thread = true}};
  Handle removed;
  run.pipelines = [&](Bus& bus, Control& control) {
    removed = bus.on<BatchEnd>().named("removed") | observe_on(io) | decide(control, note_at(1, {1, 2, 3}));
  };
  std::jthread remover;
  run.between = [&](Loop&, Step step) {
    if (step != 2) return;
    const QueueAccount& queue = *removed->queues()[0];
    while (queue.handed.get() < 2) std::this_thread::yield();
    const auto marks = queue.marks_pushed.get();
    remover = std::jthread([&] { removed->end(); });
    // its end is in its queue, behind steps 1 and 2
    while (queue.marks_pushed.get() == marks) std::this_thread::yield();
  };
  Hold decider(Point::item_taken, of(removed));
  Hold trainer(Point::boundary_wait);
  {
    Background go(run);
    decider.await();
    trainer.await();  // at boundary 3, for step 1
    EXPECT_TRUE(decider.holds());
    trainer.let_go();
    decider.let_go();
  }
  EXPECT_EQ(run.table(), "noted removed 1->3 1001\nnoted removed 2->4 1002\n");
  EXPECT_TRUE(run.pending.empty());
}

TEST(Fault20, WhatAnExecutorsHandlerPublishesLastIsFoundAtClose) {
  Bus bus;
  int echoes = 0;
  bool ended_before = false;
  struct Echo {
    int* echoes;
    bool* ended;
    void operator()(const Metric&) { ++*echoes; }
    void end() { *ended = *echoes == 0; }
  };
  // Registered first: it is completed first, and must not be before the echo has come.
  bus.on<Metric>().named("echo") | subscribe(Echo{&echoes, &ended_before});
  const Handle publishes = bus.on<BatchEnd>().named("publishes") | observe_on(io) |
                           subscribe([&bus](const BatchEnd& e) { bus.publish(Metric{.step = e.step}); });
  Hold executor(Point::item_taken, of(publishes));
  Hold dispatcher(Point::draining);
  bus.publish(BatchEnd{.step = 1});
  executor.await();
  std::jthread closer([&] { bus.close(); });
  dispatcher.await();  // it waits for the executor, and has looked at the rings already if it ever does so first
  executor.let_go();
  while (!publishes->queues_idle()) std::this_thread::yield();
  dispatcher.let_go();
  closer.join();
  EXPECT_EQ(echoes, 1);
  EXPECT_FALSE(ended_before);
}

// Three cuts are open while a pipeline stands still; they become visible in their order, and not before it has
// answered.
TEST(SeveralOpenCheckpoints, BecomeVisibleInTheOrderOfTheirCuts) {
  Folder folder;
  SmallRun run{.steps = 9,
               .steps_per_epoch = 100,
               .options = {.sync = lag(1), .folder = folder.path(), .last = "last"},
               .bus_options = {.thread = true}};
  Handle slow;
  std::vector<std::string> order;  // on the writer's thread
  run.options.before_visible = [&](const Cut& cut) { order.push_back(cut.files.back()); };
  run.pipelines = [&](Bus& bus, Control& control) {
    slow = bus.on<BatchEnd>().named("slow") | observe_on(io) | subscribe(saved, pure([](const BatchEnd&) {}));
    bus.on<BatchEnd>().named("save") |
        decide(control, pure([](const BatchEnd& e) {
                 if (e.step == 2) return std::optional(SaveCheckpoint{.file = "third"});
                 if (e.step == 3) return std::optional(SaveCheckpoint{.file = "second", .supersedes = {"third"}});
                 if (e.step == 4) return std::optional(SaveCheckpoint{.file = "last", .last = true});
                 return std::optional<SaveCheckpoint>();
               }));
  };
  Hold hold(Point::item_taken, of(slow));
  run.between = [&](Loop&, Step step) {
    if (step == 1) hold.await();
    if (step != 8) return;
    EXPECT_TRUE(read_folder(folder.path()).empty()) << "nothing is visible before all have answered";
    hold.let_go();
  };
  run.go();
  EXPECT_EQ(order, (std::vector<std::string>{"third", "second", "last", "last"}));
  std::set<std::string> names;
  for (const auto& [name, text] : read_folder(folder.path())) names.insert(name);
  EXPECT_EQ(names, (std::set<std::string>{"second", "last"}))
      << "what it supersedes goes when a last that knows so is visible";
  EXPECT_EQ(CheckpointState::from_text(read_file(folder.path() / "second").substr(24)).step, 4);
}

}  // namespace
}  // namespace sidestep::test
