// What only a long run meets: a full list of boundaries, numbers and counts that wrap. Everything on one thread.
#include "small_run.hpp"

#include <sidestep/trainer/control/control_core.hpp>

namespace sidestep::test {
namespace {

/// A loop whose deciders are as quick as can be: they have run before each boundary.
class Quick {
 public:
  Quick(Sync sync, Sequence first_number = 1) : bus_({.thread = false, .first_number = first_number}), sync_(sync) {}
  Bus& bus() { return bus_; }
  Control& control() { return control_; }
  void run(Step steps, bool late_metric = false, bool quick = true) {
    auto loop = control_.attach(bus_, {.sync = sync_});
    loop.on<Noted>([](const Noted&) {});
    loop.publish(FitBegin{});
    for (Step step = 1; step <= steps; ++step) {
      loop.publish(BatchEnd{.step = step});
      if (late_metric) loop.publish(Metric{.step = step, .metric = intern("late")});
      if (quick) bus_.flush();
      loop.boundary();
    }
    loop.finish();
    decisions.assign(loop.decisions().begin(), loop.decisions().end());
    pending = loop.pending();
    waits = loop.waits();
  }
  std::vector<AppliedRow> decisions;
  std::vector<PendingRow> pending;
  std::uint64_t waits = 0;

 private:
  Bus bus_;
  Control control_;
  const Sync sync_;
};

/// Every step asked once, and was applied `k` steps later.
void expect_every_step(const Quick& run, Step steps, int k) {
  ASSERT_EQ(run.decisions.size(), static_cast<std::size_t>(steps - k));
  for (Step step = 1; step <= steps - k; ++step) {
    const AppliedRow& row = run.decisions[static_cast<std::size_t>(step - 1)];
    ASSERT_EQ(row.cause_step, step);
    ASSERT_EQ(row.applied_step, step + k);
  }
  EXPECT_EQ(run.pending.size(), static_cast<std::size_t>(k));
}

auto note_each() {
  return [](const BatchEnd& e) { return Noted{1, e.step}; };
}

TEST(LongRun, TheListOfBoundariesFillsAndIsClearedAndNoRequestIsLost) {
  for (const int k : {0, 1, 3}) {
    Quick run(lag(k));
    run.bus().on<BatchEnd>() | decide(run.control(), note_each());
    run.run(9000);
    expect_every_step(run, 9000, k);
  }
}

TEST(LongRun, TheListGrowsWhileAWordStandsStillInRelaxed) {
  Quick run(relaxed);
  run.bus().on<BatchEnd>().named("each") | decide(run.control(), note_each());
  run.bus().on<BatchEnd>().named("rare") | every(8999) | observe_on(io) | decide(run.control(), note_each());
  run.run(9000);
  ASSERT_EQ(run.decisions.size(), 9001u);
  EXPECT_EQ(run.decisions[8998].cause_step, 8999);
  EXPECT_EQ(run.decisions[8999].cause_step, 8999);
  EXPECT_EQ(run.decisions[8999].by, "rare");
}

// An event that is published behind a segment's last one belongs to the next segment, whether its decider was quick
// enough to ask before the boundary or not.
TEST(LongRun, WhatAnEventBehindTheBatchsEndCausesBelongsToTheNextBoundary) {
  for (const int k : {0, 1, 2})
    for (const bool quick : {false, true}) {
      Quick run(lag(k));
      run.bus().on<Metric>() | decide(run.control(), [](const Metric& m) { return Noted{1, m.step}; });
      run.run(8, true, quick);
      std::vector<std::pair<Step, Step>> rows;
      for (const AppliedRow& row : run.decisions) {
        rows.emplace_back(row.cause_step.value(), row.applied_step);
        EXPECT_EQ(row.value, static_cast<double>(1000 + *row.cause_step - 1)) << "asked behind the step before";
      }
      std::vector<std::pair<Step, Step>> expected;
      for (Step step = 2; step + k <= 8; ++step) expected.emplace_back(step, step + k);
      EXPECT_EQ(rows, expected) << "k=" << k << " quick=" << quick;
    }
}

TEST(LongRun, TheCountInAWordWraps) {
  Quick run(lag(1));
  run.bus().on<BatchEnd>() | decide(run.control(), note_each());
  Decider& decider = run.control().core().deciders().front()->decider;
  decider.made = decider.stored_made = Watermark::count_mask - 2;  // as if it had asked so often before
  decider.word->store(Watermark::of(0, decider.made));
  run.run(10);
  EXPECT_EQ(decider.word->load().count(), 7u);
  expect_every_step(run, 10, 1);
}

TEST(LongRun, TheNumberInAWordWraps) {
  // The first three events lie before the wrap; and where the field's sign changes.
  for (const Sequence wrap : {Sequence{1} << Watermark::number_bits, Sequence{1} << (Watermark::number_bits - 1)})
    for (const int k : {0, 2}) {
      Quick run(lag(k), wrap - 3);
      run.bus().on<BatchEnd>().named("inline") | decide(run.control(), note_each());
      run.run(12);
      expect_every_step(run, 12, k);
    }
}

TEST(LongRun, TheNumberInAWordWrapsBehindObserveOnAndAtACut) {
  Folder folder;
  SmallRun run{.steps = 12,
               .options = {.sync = lag(2), .folder = folder.path(), .last = "last"},
               .bus_options = {.thread = true, .first_number = (Sequence{1} << Watermark::number_bits) - 9}};
  run.pipelines = [](Bus& bus, Control& control) {
    bus.on<BatchEnd>().named("a") | observe_on(io) | decide(control, note_at(1, {1, 2, 3, 4, 5, 11}));
    bus.on<BatchEnd>().named("b") | decide(control, pure([](const BatchEnd& e) {
                                             return e.step % 2 == 1 ? std::optional(SaveCheckpoint{.file = "cut"})
                                                                    : std::nullopt;
                                           }));
  };
  run.go();
  std::string expected;
  for (Step step = 1; step <= 10; ++step) {
    if (step <= 5)
      expected += "noted a " + std::to_string(step) + "->" + std::to_string(step + 2) + " " +
                  std::to_string(1000 + step) + "\n";
    if (step % 2 == 1)
      expected += "save_checkpoint b " + std::to_string(step) + "->" + std::to_string(step + 2) + " 0\n";
  }
  EXPECT_EQ(run.table(), expected);
  EXPECT_EQ(run.checkpoints_failed, 0u);
  const auto state = CheckpointState::from_text(read_file(folder.path() / "last").substr(24));
  EXPECT_EQ(state.pending.size(), 2u);  // of step 11, one each
}

TEST(FailFast, APipelineThatFailsAsksForAStop) {
  for (const bool fail_fast : {false, true}) {
    SmallRun run{.steps = 500, .options = {.sync = lag(1), .fail_fast = fail_fast}, .bus_options = {.thread = true}};
    run.pipelines = [](Bus& bus, Control&) {
      bus.on<BatchEnd>().named("bad") | observe_on(io) | subscribe([](const BatchEnd& e) {
        if (e.step == 2) throw std::runtime_error("two");
      });
    };
    run.between = [](Loop& loop, Step) { loop.bus().flush(); };
    run.go();
    if (!fail_fast) {
      EXPECT_EQ(run.stopped_at, 0);
      continue;
    }
    EXPECT_GT(run.stopped_at, 2);
    EXPECT_LT(run.stopped_at, 10);
    ASSERT_EQ(run.decisions.size(), 1u);
    EXPECT_EQ(run.decisions[0].by, "fail_fast");
    EXPECT_EQ(run.decisions[0].reason, "pipeline 'bad' failed");
    EXPECT_EQ(run.decisions[0].cause_step, std::nullopt);
  }
}

}  // namespace
}  // namespace sidestep::test
