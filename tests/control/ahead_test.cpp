// A device that is behind the host: the stream, the decisions and the checkpoints don't depend on when its records
// come.
#include "small_run.hpp"

#include <random>

namespace sidestep::test {
namespace {

/// Asks at every second decision that it sees applied; those lie behind a BatchEnd, in the next segment.
struct EverySecondApplied {
  std::int64_t seen = 0;
  std::optional<Noted> operator()(const DecisionApplied& e) {
    if (e.by.text() == "echo") return std::nullopt;
    return ++seen % 2 == 0 ? std::optional(Noted{7, e.applied_step}) : std::nullopt;
  }
  void state(auto& archive) { archive(seen); }
};

struct Came {
  std::string stream;  ///< what the trainer published, in order
  std::string table;
  std::string pending;  ///< at the end
  std::string refused, broken, failed;
  double weight = 0;
  std::map<std::string, std::string> files;

  bool operator==(const Came&) const = default;
};

struct Scene {
  Sync sync = lag(2);
  Step steps = 7;
  bool save = false;
  bool thread = false;
  std::optional<Step> stop{};
  std::optional<Step> interrupt{};
  /// Validations, weights that are put back, metrics from outside, a decider that ends and one that fails.
  bool eventful = false;
};

/// What an eventful run has besides.
void add_events(SmallRun& run, Bus& bus, Control& control, Handle& ends, Handle& fails) {
  run.validates = true;
  bus.on<BatchEnd>().named("validate") | decide(control, pure([](const BatchEnd& e) {
                                                  return e.step == 1 || e.step == 4 ? std::optional(Validate{})
                                                                                    : std::nullopt;
                                                }));
  bus.on<ValidationEnd>().named("validated") | decide(control, pure([](const ValidationEnd& e) {
                                                        return std::optional(Noted{8, e.step});
                                                      }));
  bus.on<BatchEnd>().named("keep") | decide(control, pure([](const BatchEnd& e) {
                                              return e.step % 3 == 1 ? std::optional(KeepWeights{.owner = "best"})
                                                                     : std::nullopt;
                                            }));
  bus.on<BatchEnd>().named("restore") |
      decide(control, pure([](const BatchEnd& e) {
               return e.step % 3 == 0 ? std::optional(RestoreBest{.owner = "best", .cause_step = e.step - 2})
                                      : std::nullopt;
             }));
  bus.on<Metric>().named("foreign") |
      decide(control, pure([](const Metric& m) {
               return m.metric == intern("foreign") ? std::optional(Noted{6, m.step}) : std::nullopt;
             }));
  ends = bus.on<BatchEnd>().named("ends") | decide(control, pure([&ends](const BatchEnd& e) {
                                                     if (e.step == 4) ends->end();
                                                     return std::optional(Noted{4, e.step});
                                                   }));
  // at checkpoints' steps: one cut there waits for its Barrier
  fails = bus.on<BatchEnd>().named("fails") | decide(control, pure([](const BatchEnd& e) {
                                                       if (e.step == 4) throw std::runtime_error("enough");
                                                       return std::optional(Noted{5, e.step});
                                                     }));
}

/// The run with a device that is `behind(step)` steps behind at boundary `step`.
Came run(const Scene& scene, std::function<std::size_t(Step)> behind) {
  Came came;
  Folder folder;
  SmallRun run{.steps = scene.steps, .steps_per_epoch = 5, .options = {.sync = scene.sync}};
  run.bus_options.thread = scene.thread;
  run.device = std::move(behind);
  Control* injected = nullptr;
  if (scene.save) run.options.folder = folder.path();
  if (scene.interrupt)
    run.between = [&](Loop& loop, Step step) {
      if (step + 1 == *scene.interrupt) loop.interrupt("SIGINT");
    };
  if (scene.eventful)
    run.between = [&](Loop&, Step step) {
      if (step == 2 || step == 3) injected->inject(Metric{.step = step, .value = 1, .metric = intern("foreign")});
    };
  if (scene.sync.relaxed()) run.between = [](Loop& loop, Step) { loop.bus().poll(); };
  Handle ends, fails;
  run.pipelines = [&](Bus& bus, Control& control) {
    injected = &control;
    if (scene.eventful) add_events(run, bus, control, ends, fails);
    bus.on<BatchEnd>().named("third") | decide(control, EveryThird{1});
    bus.on<BatchEnd>().named("observed") | observe_on(compute) | decide(control, note_at(2, {1, 2, 4, 5, 6}));
    bus.on<Metric>().named("scale") |
        decide(control, pure([](const Metric& m) {
                 return m.step == 2 || m.step == 5 ? std::optional(ScaleLearningRate{.by = 0.5}) : std::nullopt;
               }));
    bus.on<DecisionApplied>().named("echo") | decide(control, EverySecondApplied{});
    bus.on<EpochEnd>().named("epoch") | decide(control, pure([](const EpochEnd& e) {
                                                 return std::optional(Noted{9, e.step});
                                               }));
    if (scene.save)
      bus.on<BatchEnd>().named("save") |
          decide(control, pure([](const BatchEnd& e) {
                   return e.step == 1 || e.step == 2 || e.step == 4
                              ? std::optional(SaveCheckpoint{.file = "at-" + std::to_string(e.step)})
                              : std::nullopt;
                 }));
    if (scene.stop)
      bus.on<BatchEnd>().named("stop") | decide(control, pure([stop = *scene.stop](const BatchEnd& e) {
                                                  return e.step == stop ? std::optional(Stop{"enough"}) : std::nullopt;
                                                }));
    bus.on<BatchEnd, EpochEnd, ValidationBegin, ValidationEnd, Metric, DecisionApplied, DecisionRefused>().named(
        "log") |
        subscribe([&came](const auto& any) {
          any.visit([&](const auto& e) {
            came.stream += e.name;
            if constexpr (requires { e.applied_step; })
              came.stream += std::to_string(e.cause_step) + ">" + std::to_string(e.applied_step);
            else
              came.stream += std::to_string(e.step);
            came.stream += ' ';
          });
        });
  };
  run.go();
  came.table = run.table();
  for (const PendingRow& row : run.pending)
    came.pending +=
        row.by + ' ' + std::to_string(row.cause_step) + '>' + std::to_string(row.due_step.value_or(-1)) + ' ';
  came.weight = run.weight;
  if (scene.save) came.files = read_folder(folder.path());
  EXPECT_EQ(run.checkpoint_errors, std::vector<std::string>{});
  for (const RefusedRow& row : run.refused)
    came.refused += row.decision + ' ' + row.by + ' ' + row.why + std::to_string(row.step) + '\n';
  for (const BrokenRow& row : run.broken) came.broken += row.by + ' ' + row.why + ' ' + std::to_string(row.step) + '\n';
  if (scene.eventful) {
    came.failed = fails->failed() ? "fails" : "";
    if (ends->failed()) came.failed += "ends";
  } else {
    EXPECT_TRUE(run.broken.empty());
  }
  return came;
}

/// The n-th of all sequences of numbers from 0 to k.
std::function<std::size_t(Step)> schedule(int n, int k) {
  return [n, k](Step step) {
    int rest = n;
    for (Step i = 1; i < step; ++i) rest /= k + 1;
    return static_cast<std::size_t>(std::min<Step>(rest % (k + 1), step));
  };
}

TEST(Ahead, EveryScheduleOfADeviceGivesTheStreamOfNone) {
  for (const int k : {0, 1, 2}) {
    const Scene scene{.sync = lag(k)};
    const Came expected = run(scene, {});
    ASSERT_NE(expected.table.find("echo"), std::string::npos);
    int schedules = 1;
    for (Step i = 0; i < scene.steps; ++i) schedules *= k + 1;
    for (int n = 0; n < schedules; ++n) {
      const Came came = run(scene, schedule(n, k));
      ASSERT_EQ(came.stream, expected.stream) << "k " << k << ", schedule " << n;
      ASSERT_EQ(came, expected) << "k " << k << ", schedule " << n;
    }
  }
}

TEST(Ahead, CheckpointsAreThoseOfALoopThatWaits) {
  std::mt19937 random(1);
  for (const int k : {1, 2, 3})
    for (const std::optional<Step> stop : {std::optional<Step>{}, std::optional<Step>{3}}) {
      const Scene scene{.sync = lag(k), .steps = 8, .save = true, .stop = stop};
      const Came expected = run(scene, {});
      ASSERT_EQ(expected.files.size(), stop ? 3u : 4u) << k;
      for (int n = 0; n < 12; ++n) {
        const Came came = run(scene, schedule(static_cast<int>(random() >> 1), k));
        ASSERT_EQ(came.stream, expected.stream) << k << ' ' << n;
        for (const auto& [file, content] : expected.files) ASSERT_EQ(came.files.at(file), content) << file;
        ASSERT_EQ(came, expected);
      }
    }
}

TEST(Ahead, NorDoValidationsWeightsPutBackForeignMetricsAndDecidersThatEndOrFail) {
  std::mt19937 random(2);
  for (const int k : {1, 2, 3}) {
    Scene scene{.sync = lag(k), .steps = 8, .eventful = true};
    for (const bool save : {false, true}) {
      scene.save = save;
      const Came expected = run(scene, {});
      for (const char* row : {"validate validate", "noted validated", "keep_weights keep", "restore_best restore",
                              "noted foreign", "noted ends", "noted fails"})
        EXPECT_NE(expected.table.find(row), std::string::npos) << row << " in\n" << expected.table;
      EXPECT_EQ(expected.failed, "fails");
      EXPECT_NE(expected.broken.find("inject"), std::string::npos);
      EXPECT_EQ(expected.table.find("noted fails 5"), std::string::npos);
      EXPECT_EQ(expected.table.find("noted ends 5"), std::string::npos);
      for (int n = 0; n < 16; ++n) {
        const Came came = run(scene, schedule(static_cast<int>(random() >> 1), k));
        ASSERT_EQ(came.stream, expected.stream) << "k " << k << ' ' << n;
        ASSERT_EQ(came.table, expected.table);
        ASSERT_EQ(came.broken, expected.broken);
        for (const auto& [file, content] : expected.files) ASSERT_EQ(came.files.at(file), content) << file;
        ASSERT_EQ(came, expected);
      }
    }
  }
}

TEST(Ahead, ThreadsChangeNothing) {
  const Scene plain{.steps = 9, .save = true}, threads{.steps = 9, .save = true, .thread = true};
  const Came expected = run(plain, {});
  for (int n : {1, 8, 1234, 2187, 19682}) ASSERT_EQ(run(threads, schedule(n, 2)), expected) << n;
}

TEST(Ahead, ASignalCutsBehindTheBatchThatIsStillUnderWay) {
  const Scene scene{.steps = 8, .save = true, .interrupt = 4};
  const Came expected = run(scene, {});
  for (int n : {26, 80, 2186}) ASSERT_EQ(run(scene, schedule(n, 2)), expected) << n;
}

TEST(Ahead, RunningFurtherAheadThanTheLagIsRefused) {
  Bus bus({.thread = false});
  Control control;
  auto loop = control.attach(bus, {.sync = lag(1)});
  loop.publish(FitBegin{.last_step = 9});
  loop.boundary({.step = 1});
  EXPECT_EQ(loop.behind(), 1);
  EXPECT_THROW(loop.boundary({.step = 2}), ControlError);
  EXPECT_THROW(loop.end(), ControlError);
  loop.publish(BatchEnd{.step = 1});
  loop.boundary({.step = 2});
  EXPECT_THROW(loop.publish(BatchEnd{.step = 1}), ControlError);
  loop.publish(BatchEnd{.step = 2});
  EXPECT_EQ(loop.behind(), 0);
  loop.finish();
  EXPECT_EQ(loop.boundaries(), 2u);
}

TEST(Ahead, AnEpochEndsBehindItsLastBatchOrNotAtAll) {
  Bus bus({.thread = false});
  Control control;
  auto loop = control.attach(bus, {.sync = lag(2)});
  loop.publish(FitBegin{.last_step = 3});
  loop.boundary({.step = 1});
  EXPECT_THROW(loop.publish(EpochEnd{.step = 1, .partial = true}), ControlError);
  EXPECT_THROW(loop.publish(EpochEnd{.step = 1}), ControlError);
  loop.publish(BatchEnd{.step = 1});
  loop.finish();
}

// The list of boundaries is made room in while a checkpoint waits for its Barrier.
TEST(Ahead, ACutAmidFourThousandBoundariesNamesTheRightSteps) {
  std::string rows[2];
  for (const bool device : {false, true}) {
    Folder folder;
    SmallRun run{
        .steps = 4040, .steps_per_epoch = 100000, .options = {.sync = lag(2), .folder = folder.path(), .last = ""}};
    if (device) {
      run.device = [](Step) { return std::size_t{1}; };
      run.between = [](Loop& loop, Step step) {
        while (step >= 3990 && loop.bus().poll()) {
        }
      };
    }
    run.pipelines = [](Bus& bus, Control& control) {
      bus.on<BatchEnd>().named("asks") | decide(control, note_at(1, {4030, 4031, 4032, 4033}));
      bus.on<BatchEnd>().named("save") | decide(control, pure([](const BatchEnd& e) {
                                                  return e.step == 4031 ? std::optional(SaveCheckpoint{.file = "cut"})
                                                                        : std::nullopt;
                                                }));
    };
    run.go();
    for (const PendingRow& row : CheckpointState::from_text(read_file(folder.path() / "cut").substr(24)).pending)
      rows[device] += std::to_string(row.cause_step) + '>' + std::to_string(row.due_step.value_or(-1)) + ' ';
  }
  EXPECT_EQ(rows[false], "4032>4034 4033>4035 ");
  EXPECT_EQ(rows[true], rows[false]);
}

TEST(Ahead, InRelaxedModeTheDeviceMayBeAnyNumberOfStepsBehind) {
  Scene scene{.sync = relaxed, .steps = 9};
  const Came came = run(scene, [](Step step) { return static_cast<std::size_t>(std::min<Step>(step, 4)); });
  EXPECT_NE(came.stream.find("BatchEnd9"), std::string::npos);
  EXPECT_NE(came.table.find("third 3->"), std::string::npos);
}

}  // namespace
}  // namespace sidestep::test
