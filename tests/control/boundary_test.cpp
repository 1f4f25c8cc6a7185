#include "small_run.hpp"

namespace sidestep::test {
namespace {

struct Strange {
  static constexpr std::string_view decision = "strange";
  std::int64_t x = 0;
};

std::string rows(std::initializer_list<std::pair<int, int>> table, int who, std::string by = "pipeline") {
  std::string text;
  for (const auto& [cause, applied] : table)
    text += "noted " + by + " " + std::to_string(cause) + "->" + std::to_string(applied) + " " +
            std::to_string(who * 1000 + cause) + "\n";
  return text;
}

TEST(Boundary, UnderLagADecisionTakesEffectExactlyKStepsLater) {
  for (const bool thread : {false, true})
    for (const int k : {0, 1, 2, 5}) {
      SmallRun run{.options = {.sync = lag(k)}, .bus_options = {.thread = thread}};
      run.pipelines = [](Bus& bus, Control& control) { bus.on<BatchEnd>() | decide(control, note_at(1, {1, 4, 6})); };
      run.go();
      EXPECT_EQ(run.table(), rows({{1, 1 + k}, {4, 4 + k}, {6, 6 + k}}, 1)) << "k=" << k << " thread=" << thread;
      EXPECT_TRUE(run.pending.empty());
    }
}

TEST(Boundary, BehindObserveOnTheSame) {
  for (const int k : {0, 1, 2}) {
    SmallRun run{.options = {.sync = lag(k)}, .bus_options = {.thread = true}};
    run.pipelines = [](Bus& bus, Control& control) {
      bus.on<BatchEnd>() | observe_on(io) | decide(control, note_at(1, {1, 4, 6}));
    };
    run.go();
    EXPECT_EQ(run.table(), rows({{1, 1 + k}, {4, 4 + k}, {6, 6 + k}}, 1)) << "k=" << k;
  }
}

TEST(Boundary, AFilteredEventStillMovesTheWord) {
  SmallRun run{.options = {.sync = lag(1)}, .bus_options = {.thread = true}};
  run.pipelines = [](Bus& bus, Control& control) {
    bus.on<BatchEnd>() | every(100) | observe_on(io) | decide(control, note_at(1, {1}));
  };
  run.go();
  EXPECT_TRUE(run.decisions.empty());
}

TEST(Boundary, TheLastKStepsDecisionsArePendingAtTheEnd) {
  SmallRun run{.options = {.sync = lag(2)}};
  run.pipelines = [](Bus& bus, Control& control) { bus.on<BatchEnd>() | decide(control, note_at(1, {10, 11, 12})); };
  run.go();
  EXPECT_EQ(run.table(), rows({{10, 12}}, 1));
  ASSERT_EQ(run.pending.size(), 2u);
  EXPECT_EQ(run.pending[0].cause_step, 11);
  EXPECT_EQ(run.pending[0].due_step, 13);
  EXPECT_EQ(run.pending[1].cause_step, 12);
}

TEST(Boundary, AnEpochsDecisionTakesEffectBeforeTheNextStepAndABatchsCrossesTheEpochsEnd) {
  SmallRun run{.options = {.sync = lag(2)}, .bus_options = {.thread = true}};
  run.pipelines = [](Bus& bus, Control& control) {
    bus.on<EpochEnd>().named("epoch") | observe_on(io) | decide(control, [](const EpochEnd& e) {
      return Noted{7, e.step};
    });
    bus.on<BatchEnd>().named("batch") | decide(control, note_at(1, {4, 5, 6}));
  };
  run.go();
  EXPECT_EQ(run.table(),
            "noted epoch 5->5 7005\nnoted batch 4->6 1004\nnoted batch 5->7 1005\nnoted batch 6->8 1006\nnoted epoch "
            "10->10 7010\n");
}

TEST(Boundary, OneBoundaryAppliesInOrderOfCauseThenRegistrationThenCount) {
  SmallRun run{.options = {.sync = lag(0)}};
  run.pipelines = [](Bus& bus, Control& control) {
    bus.on<BatchEnd>().named("b") | decide(control, [](const BatchEnd& e) {
      return Decisions{}.ask(Noted{2, e.step}).ask(Noted{3, e.step});
    });
    bus.on<BatchEnd>().named("a") | decide(control, [](const BatchEnd& e) { return Noted{1, e.step}; });
    bus.on<Metric>().named("m") | decide(control, [](const Metric& e) { return Noted{9, e.step}; });
  };
  run.steps = 1;
  run.go();
  EXPECT_EQ(run.table(), "noted m 1->1 9001\nnoted b 1->1 2001\nnoted b 1->1 3001\nnoted a 1->1 1001\n");
}

TEST(Boundary, StopEndsTheLoopBehindTheWholeBoundary) {
  SmallRun run{.options = {.sync = lag(1)}};
  run.pipelines = [](Bus& bus, Control& control) {
    bus.on<BatchEnd>().named("stop") | decide(control, pure([](const BatchEnd& e) {
                                                return e.step == 3 ? std::optional(Stop{"enough"}) : std::nullopt;
                                              }));
    bus.on<BatchEnd>().named("note") | decide(control, note_at(1, {3}));
  };
  run.go();
  EXPECT_EQ(run.stopped_at, 4);
  EXPECT_EQ(run.table(), "stop stop 3->4 0\nnoted note 3->4 1003\n");
  EXPECT_EQ(run.decisions[0].reason, "enough");
}

TEST(Boundary, ADecisionWithoutAHandlerIsRefused) {
  SmallRun run{.options = {.sync = lag(1)}};
  int refused_events = 0;
  run.pipelines = [&](Bus& bus, Control& control) {
    bus.on<BatchEnd>() | take(1) | decide(control, [](const BatchEnd&) { return Strange{}; });
    bus.on<DecisionRefused>() |
        subscribe([&](const DecisionRefused& e) { refused_events += e.decision.text() == "strange"; });
  };
  run.go();
  ASSERT_EQ(run.refused.size(), 1u);
  EXPECT_EQ(run.refused[0].cause_step, 1);
  EXPECT_EQ(run.refused[0].step, 2);
  EXPECT_EQ(refused_events, 1);
}

TEST(Boundary, InRelaxedEveryDecisionIsAppliedOnceAndNoneIsLost) {
  SmallRun run{.steps = 900, .steps_per_epoch = 100, .options = {.sync = relaxed}, .bus_options = {.thread = true}};
  run.pipelines = [](Bus& bus, Control& control) {
    bus.on<BatchEnd>().named("a") | decide(control, [](const BatchEnd& e) { return Noted{1, e.step}; });
    bus.on<BatchEnd>().named("b") | observe_on(io) | decide(control, [](const BatchEnd& e) {
      return Noted{2, e.step};
    });
  };
  run.go();
  std::multiset<double> values;
  for (const AppliedRow& row : run.decisions) {
    values.insert(row.value);
    EXPECT_GE(row.applied_step, *row.cause_step);
  }
  for (const PendingRow& row : run.pending) values.insert(Decision(intern(row.decision), row.argument).value());
  EXPECT_EQ(values.size(), 1800u);
  EXPECT_EQ(std::set<double>(values.begin(), values.end()).size(), 1800u);
}

TEST(Boundary, BehindFitEndOnlyWhatFitEndCausedAndMayStandThere) {
  for (const Sync sync : {lag(2), relaxed}) {
    SmallRun run{.options = {.sync = sync}, .bus_options = {.thread = true}};
    run.pipelines = [](Bus& bus, Control& control) {
      bus.on<FitEnd>().named("end") | observe_on(io) | decide(control, [](const FitEnd& e) {
        return Decisions{}.ask(RestoreBest{.owner = "x", .cause_step = 3}).ask(Noted{1, e.step});
      });
      bus.on<EpochEnd>().named("partial") | filter(pure([](const EpochEnd& e) { return e.partial; })) |
          decide(control, [](const EpochEnd&) { return RestoreBest{.owner = "y"}; });
    };
    run.go();
    EXPECT_EQ(run.table(), "restore_best end 12->12 3\n") << sync.text();
    EXPECT_TRUE(run.pending.empty());
    EXPECT_TRUE(run.refused.empty());
  }
}

TEST(Boundary, ARequestFromOutsideHasNoCauseAndIsNoted) {
  SmallRun run{.options = {.sync = lag(2)}};
  Control* control = nullptr;
  run.pipelines = [&](Bus&, Control& c) { control = &c; };
  run.between = [&](Loop&, Step step) {
    if (step == 3) control->request(SetLearningRate{.learning_rate = 0.5}, "dashboard");
  };
  run.go();
  ASSERT_EQ(run.decisions.size(), 1u);
  EXPECT_EQ(run.decisions[0].cause_step, std::nullopt);
  EXPECT_EQ(run.decisions[0].applied_step, 4);
  EXPECT_EQ(run.learning_rate, 0.5);
  ASSERT_EQ(run.broken.size(), 1u);
  EXPECT_EQ(run.broken[0].by, "dashboard");
}

TEST(Boundary, AForeignMetricGoesThroughInjectAndIsNoted) {
  SmallRun run{.options = {.sync = lag(0)}};
  Control* control = nullptr;
  run.pipelines = [&](Bus& bus, Control& c) {
    control = &c;
    bus.on<Metric>() | filter(pure([](const Metric& m) { return m.metric.text() == "mine"; })) |
        decide(c, [](const Metric&) {
          return Noted{5, 0};
        });
  };
  run.between = [&](Loop&, Step step) {
    if (step == 3) control->inject(Metric{.value = 1, .metric = intern("mine")});
  };
  run.go();
  ASSERT_EQ(run.decisions.size(), 1u);
  EXPECT_EQ(run.decisions[0].cause_step, 5) << "published at boundary 4, it belongs to what follows";
  EXPECT_EQ(run.broken.at(0).why, "foreign metric mine");
}

TEST(Boundary, WhatBreaksThePromiseAgainAndAgainIsNotedOnce) {
  Folder folder;
  SmallRun run{.steps = 100, .options = {.sync = lag(0), .folder = folder.path(), .last = "last"}};
  Control* control = nullptr;
  run.pipelines = [&](Bus&, Control& c) { control = &c; };
  run.between = [&](Loop&, Step step) {
    for (int i = 0; i < 10; ++i)
      control->inject(Metric{.value = 1, .metric = intern(step >= 51 && i == 0 ? "another" : "mine")});
  };
  run.go();
  const std::vector<BrokenRow> expected{{2, "inject", "foreign metric mine"}, {52, "inject", "foreign metric another"}};
  EXPECT_EQ(run.broken, expected);
  EXPECT_EQ(CheckpointState::from_text(read_file(folder.path() / "last").substr(24)).broken, expected);
  // resumed, it is the same sentence still
  SmallRun more;
  more.steps = 105;
  more.options = run.options;
  more.resume = folder.path() / "last";
  more.pipelines = run.pipelines;
  more.between = run.between;
  more.go();
  EXPECT_EQ(more.broken, expected);
}

TEST(Boundary, AValidationRunsBehindItsBoundaryAndEndsInOneOfItsOwn) {
  SmallRun run{.options = {.sync = lag(1)}, .bus_options = {.thread = true}};
  run.pipelines = [](Bus& bus, Control& control) {
    bus.on<BatchEnd>().named("ask") |
        decide(control, pure([](const BatchEnd& e) { return e.step == 2 ? std::optional(Validate{}) : std::nullopt; }));
    bus.on<ValidationEnd>().named("val") | observe_on(io) | decide(control, [](const ValidationEnd& e) {
      return Noted{4, e.step};
    });
    bus.on<BatchEnd>().named("note") | decide(control, note_at(1, {2, 3}));
  };
  int validations = 0;
  run.prepare = [&](Loop& loop) {
    loop.on<Validate>([&](const Validate&) {
      ++validations;
      loop.publish(ValidationBegin{.step = loop.step()});
      loop.publish(Metric{.step = loop.step(), .metric = intern("val/loss")},
                   ValidationEnd{.step = loop.step(), .epoch = 1});
      loop.boundary();  // a user who calls it here does no harm
    });
  };
  run.go();
  EXPECT_EQ(validations, 1);
  EXPECT_EQ(run.table(), "validate ask 2->3 0\nnoted note 2->3 1002\nnoted val 3->3 4003\nnoted note 3->4 1003\n");
}

TEST(Boundary, AWallClockBeforeDecideIsRefusedUnderLagUnlessAllowed) {
  const auto pipelines = [](bool allowed) {
    return [allowed](Bus& bus, Control& control) {
      bus.on<BatchEnd>().named("clock") | throttle(std::chrono::seconds(1)) |
          decide(control, note_at(1, {1}), {.wall_time = allowed});
    };
  };
  SmallRun refused{.options = {.sync = lag(1)}, .pipelines = pipelines(false)};
  EXPECT_THROW(refused.go(), ControlError);
  SmallRun free{.options = {.sync = relaxed}, .pipelines = pipelines(false)};
  EXPECT_NO_THROW(free.go());
  SmallRun allowed{.options = {.sync = lag(1)}, .pipelines = pipelines(true)};
  allowed.go();
  ASSERT_EQ(allowed.broken.size(), 1u);
  EXPECT_EQ(allowed.broken[0].by, "clock");
}

TEST(Boundary, AtAnyOtherPlaceIsAnError) {
  Bus bus({.thread = false});
  Control control;
  auto loop = control.attach(bus);
  EXPECT_THROW(loop.boundary(), ControlError);
  loop.publish(BatchEnd{.step = 1});
  loop.boundary();
  EXPECT_THROW(loop.boundary(), ControlError);
  loop.publish(BatchEnd{.step = 3});
  EXPECT_THROW(loop.boundary(), ControlError) << "steps count by one";
}

TEST(Boundary, ADeciderAddedAndOneEndedBetweenSteps) {
  for (const bool observed : {false, true}) {
    SmallRun run{.options = {.sync = lag(1)}, .bus_options = {.thread = true}};
    Control* control = nullptr;
    Handle first;
    run.pipelines = [&](Bus& bus, Control& c) {
      control = &c;
      if (observed)
        first = bus.on<BatchEnd>().named("first") | observe_on(io) | decide(c, [](const BatchEnd& e) {
                  return Noted{1, e.step};
                });
      else
        first = bus.on<BatchEnd>().named("first") | decide(c, [](const BatchEnd& e) { return Noted{1, e.step}; });
    };
    run.steps = 6;
    run.between = [&](Loop& loop, Step step) {
      if (step == 2) first->end();
      if (step == 4)
        loop.bus().on<BatchEnd>().named("second") | observe_on(io) | decide(*control, [](const BatchEnd& e) {
          return Noted{2, e.step};
        });
    };
    run.go();
    EXPECT_EQ(run.table(), "noted first 1->2 1001\nnoted first 2->3 1002\nnoted second 5->6 2005\n") << observed;
    ASSERT_EQ(run.pending.size(), 1u);
    EXPECT_EQ(run.pending[0].by, "second");
  }
}

TEST(Boundary, AThrowFailsThatPipelineAloneAndWhatItAskedBeforeStands) {
  for (const bool observed : {false, true}) {
    SmallRun run{.options = {.sync = lag(2)}, .bus_options = {.thread = true}};
    run.pipelines = [&](Bus& bus, Control& c) {
      const auto f = pure([](const BatchEnd& e) {
        if (e.step == 4) throw std::runtime_error("four");
        return Noted{1, e.step};
      });
      if (observed)
        bus.on<BatchEnd>().named("bad") | observe_on(io) | decide(c, f);
      else
        bus.on<BatchEnd>().named("bad") | decide(c, f);
      bus.on<BatchEnd>().named("good") | decide(c, note_at(2, {8}));
    };
    run.go();
    EXPECT_EQ(run.table(), rows({{1, 3}, {2, 4}, {3, 5}}, 1, "bad") + rows({{8, 10}}, 2, "good")) << observed;
  }
}

}  // namespace
}  // namespace sidestep::test
