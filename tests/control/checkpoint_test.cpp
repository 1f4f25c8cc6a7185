#include "small_run.hpp"

#include <condition_variable>
#include <mutex>

namespace sidestep::test {
namespace {

auto save_at(std::map<Step, SaveCheckpoint> wanted) {
  return pure([wanted](const BatchEnd& e) {
    const auto at = wanted.find(e.step);
    return at == wanted.end() ? std::nullopt : std::optional(at->second);
  });
}

CheckpointState state_in(const std::filesystem::path& file) {
  return CheckpointState::from_text(read_file(file).substr(24), file.string());
}

std::set<std::string> names_in(const std::filesystem::path& folder) {
  std::set<std::string> names;
  for (const auto& [name, text] : read_folder(folder)) names.insert(name);
  return names;
}

TEST(Checkpoint, AllThatOneBoundaryAsksForIsOneCutUnderSeveralNames) {
  Folder folder;
  SmallRun run{
      .steps = 5, .options = {.sync = lag(1), .folder = folder.path(), .last = ""}, .bus_options = {.thread = true}};
  std::vector<std::string> saved;
  std::mutex mutex;
  run.pipelines = [&](Bus& bus, Control& control) {
    bus.on<BatchEnd>().named("a") | decide(control, save_at({{2, {.file = "last", .last = true}}}));
    bus.on<BatchEnd>().named("b") | decide(control, save_at({{2, {.file = "best"}}, {3, {.file = "other"}}}));
    bus.on<CheckpointSaved>() | subscribe([&](const CheckpointSaved& e) {
      const std::lock_guard lock(mutex);
      saved.push_back(std::string(e.file.text()) + std::to_string(e.cause_step) + std::to_string(e.step));
    });
  };
  run.go();
  EXPECT_EQ(names_in(folder.path()), (std::set<std::string>{"best", "last", "other"}));
  EXPECT_EQ(read_file(folder.path() / "best"), read_file(folder.path() / "last"));
  EXPECT_EQ(state_in(folder.path() / "last").step, 3);
  EXPECT_EQ(state_in(folder.path() / "other").step, 4);
  EXPECT_EQ(saved, (std::vector<std::string>{"best23", "last23", "other34"}));
}

TEST(Checkpoint, ASupersededFileGoesWithTheNextLastAndNotBefore) {
  Folder folder;
  SmallRun run{.steps = 9,
               .steps_per_epoch = 100,
               .options = {.sync = lag(0), .folder = folder.path(), .last = ""},
               .bus_options = {.thread = true}};
  std::vector<std::set<std::string>> seen;
  run.options.before_visible = [&](const Cut&) { seen.push_back(names_in(folder.path())); };
  run.pipelines = [&](Bus& bus, Control& control) {
    bus.on<BatchEnd>().named("a") | decide(control, save_at({{1, {.file = "last", .last = true}},
                                                             {2, {.file = "best-2"}},
                                                             {4, {.file = "best-4", .supersedes = {"best-2"}}},
                                                             {6, {.file = "last", .last = true}},
                                                             {8, {.file = "best-8", .supersedes = {"best-4"}}}}));
  };
  run.go();
  ASSERT_EQ(seen.size(), 5u);
  const auto without_temporaries = [](std::set<std::string> names) {
    std::erase_if(names, [](const std::string& name) { return name.starts_with("."); });
    return names;
  };
  EXPECT_EQ(without_temporaries(seen[3]).count("best-2"), 1u) << "no last that knows of best-4 is visible yet";
  EXPECT_EQ(names_in(folder.path()), (std::set<std::string>{"last", "best-4", "best-8"}));
  EXPECT_EQ(state_in(folder.path() / "best-8").superseded,
            (std::vector<std::pair<std::string, std::string>>{{"best-4", "best-8"}}));
}

/// Saves best-2 ... best-8, each superseding the one before, and `last` where the run ends.
SmallRun better_and_better(const std::filesystem::path& folder, Step steps) {
  SmallRun run{.steps = steps,
               .steps_per_epoch = 100,
               .options = {.sync = lag(0), .folder = folder, .last = "last"},
               .bus_options = {.thread = true}};
  run.pipelines = [](Bus& bus, Control& control) {
    bus.on<BatchEnd>().named("a") | decide(control, save_at({{2, {.file = "best-2"}},
                                                             {4, {.file = "best-4", .supersedes = {"best-2"}}},
                                                             {6, {.file = "best-6", .supersedes = {"best-4"}}},
                                                             {8, {.file = "best-8", .supersedes = {"best-6"}}}}));
  };
  return run;
}

// A run that is resumed from `last` and killed goes on from that again: what it names must still be there.
TEST(Checkpoint, ASupersededFileThatTheLastOfAnEarlierProcessNamesStaysUntilTheNextLast) {
  Folder folder, whole_folder;
  better_and_better(whole_folder.path(), 9).go();
  better_and_better(folder.path(), 3).go();
  ASSERT_EQ(names_in(folder.path()), (std::set<std::string>{"best-2", "last"}));
  SmallRun more = better_and_better(folder.path(), 9);
  more.resume = folder.path() / "last";
  std::map<Step, std::set<std::string>> seen;  // right before the checkpoint of a step becomes visible
  more.options.before_visible = [&](const Cut& cut) { seen[cut.step] = names_in(folder.path()); };
  more.go();
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[6].count("best-2"), 1u) << "best-4 is visible; the last of step 3 names best-2";
  EXPECT_EQ(seen[9].count("best-2"), 1u);
  EXPECT_EQ(seen[9].count("best-6"), 1u);
  EXPECT_EQ(names_in(folder.path()), (std::set<std::string>{"best-8", "last"}));
  EXPECT_TRUE(read_folder(folder.path()) == read_folder(whole_folder.path()));
}

// Killed before its first `last`: each of these files knows its own.
TEST(Checkpoint, ARunThatGoesOnFromAnotherFileThanLastEndsWithTheSameFiles) {
  for (const bool right_before_the_removal : {false, true}) {
    Folder folder, whole_folder;
    SmallRun whole = better_and_better(whole_folder.path(), 9);
    std::map<Step, std::map<std::string, std::string>> seen;
    whole.options.before_visible = [&](const Cut& cut) { seen[cut.step] = read_folder(whole_folder.path()); };
    whole.go();
    const auto put = [&](Step step, const std::string& name) {
      std::ofstream(folder.path() / name, std::ios::binary) << seen.at(step).at(name);
    };
    put(8, "best-6");
    if (right_before_the_removal) put(6, "best-4");
    SmallRun more = better_and_better(folder.path(), 9);
    more.resume = folder.path() / "best-6";
    more.options.before_visible = [&](const Cut& cut) {
      if (cut.step == 8) {
        EXPECT_EQ(names_in(folder.path()).count("best-4"), 0u);
      }
    };
    more.go();
    EXPECT_EQ(more.warnings, std::vector<std::string>{});
    EXPECT_EQ(names_in(folder.path()), (std::set<std::string>{"best-8", "last"}));
    EXPECT_TRUE(read_folder(folder.path()) == read_folder(whole_folder.path()));
  }
}

TEST(Checkpoint, WhatCouldntBeWrittenSupersedesNothing) {
  Folder folder;
  SmallRun run{.steps = 7,
               .steps_per_epoch = 100,
               .options = {.sync = lag(0), .folder = folder.path(), .last = ""},
               .bus_options = {.thread = true}};
  run.options.before_visible = [](const Cut& cut) {
    if (cut.step == 4) throw std::runtime_error("the disk is full");
  };
  run.pipelines = [&](Bus& bus, Control& control) {
    bus.on<BatchEnd>().named("a") | decide(control, save_at({{2, {.file = "best-2"}},
                                                             {4, {.file = "best-4", .supersedes = {"best-2"}}},
                                                             {6, {.file = "last", .last = true}}}));
  };
  run.go();
  EXPECT_EQ(run.checkpoints_failed, 1u);
  EXPECT_EQ(names_in(folder.path()), (std::set<std::string>{"best-2", "last"}));
}

TEST(Checkpoint, WhatComesAfterTheCutWithACauseBeforeItJoinsTheListAndNothingElse) {
  for (const int k : {1, 2, 3}) {
    Folder folder;
    SmallRun run{
        .steps = 12, .options = {.sync = lag(k), .folder = folder.path(), .last = ""}, .bus_options = {.thread = true}};
    run.pipelines = [&](Bus& bus, Control& control) {
      bus.on<BatchEnd>().named("all") | observe_on(io) | decide(control, [](const BatchEnd& e) {
        return Noted{1, e.step};
      });
      bus.on<BatchEnd>().named("save") | decide(control, save_at({{3, {.file = "cut"}}}));
    };
    run.go();
    const auto state = state_in(folder.path() / "cut");
    EXPECT_EQ(state.step, 3 + k);
    ASSERT_EQ(state.pending.size(), static_cast<std::size_t>(k)) << k;
    for (int i = 0; i < k; ++i) {
      EXPECT_EQ(state.pending[i].cause_step, 4 + i);
      EXPECT_EQ(state.pending[i].due_step, 4 + i + k);
    }
    for (const PipelineState& pipeline : state.pipelines)
      if (pipeline.key.starts_with("all/")) {
        EXPECT_EQ(pipeline.requests, static_cast<std::uint64_t>(3 + k));
      }
  }
}

TEST(Checkpoint, ADeciderThatWasEndedBeforeTheCutLeavesWhatItHadAskedForInIt) {
  Folder folder;
  SmallRun run{
      .steps = 6, .options = {.sync = lag(3), .folder = folder.path(), .last = ""}, .bus_options = {.thread = true}};
  Handle gone;
  run.pipelines = [&](Bus& bus, Control& control) {
    gone = bus.on<BatchEnd>().named("gone") | observe_on(io) | decide(control, [](const BatchEnd& e) {
             return Noted{1, e.step};
           });
    bus.on<BatchEnd>().named("save") | decide(control, save_at({{1, {.file = "cut"}}}));
  };
  run.between = [&](Loop&, Step step) {
    if (step == 2) gone->end();
  };
  run.go();
  const auto state = state_in(folder.path() / "cut");
  EXPECT_EQ(state.step, 4);
  ASSERT_EQ(state.pending.size(), 1u);
  EXPECT_EQ(state.pending[0].by, "gone");
  EXPECT_EQ(state.pending[0].cause_step, 2);
  EXPECT_EQ(state.pending[0].due_step, 5);
  ASSERT_EQ(state.pipelines.size(), 1u) << "it is no part of the run any more";
  EXPECT_EQ(run.table(), "noted gone 1->4 1001\nsave_checkpoint save 1->4 0\nnoted gone 2->5 1002\n");
}

TEST(Checkpoint, AFailedPipelineIsNamedWithoutState) {
  Folder folder;
  SmallRun run{.steps = 6,
               .options = {.sync = lag(0), .folder = folder.path(), .last = "last"},
               .bus_options = {.thread = true}};
  run.pipelines = [&](Bus& bus, Control& control) {
    bus.on<BatchEnd>().named("bad") | observe_on(io) | decide(control, pure([](const BatchEnd& e) -> Noted {
                                                                if (e.step == 3) throw std::runtime_error("three");
                                                                return {1, e.step};
                                                              }));
    bus.on<BatchEnd>().named("good") | decide(control, EveryThird{.who = 2});
  };
  run.go();
  const auto state = state_in(folder.path() / "last");
  ASSERT_EQ(state.pipelines.size(), 2u);
  EXPECT_EQ(state.pipelines[0].without, "failed");
  EXPECT_EQ(state.pipelines[1].without, "");
}

TEST(Checkpoint, AWriterThatThrowsIsReportedAndTheRunGoesOn) {
  Folder folder;
  const auto blocked = folder.path() / "blocked";
  std::ofstream(blocked) << "a file where the folder should be";
  SmallRun run{
      .steps = 6, .options = {.sync = lag(0), .folder = blocked, .last = "last"}, .bus_options = {.thread = true}};
  run.pipelines = [](Bus& bus, Control& control) {
    bus.on<BatchEnd>() | decide(control, save_at({{2, {.file = "a"}}}));
  };
  run.go();
  EXPECT_EQ(run.checkpoints_failed, 2u);
  ASSERT_EQ(run.checkpoint_errors.size(), 2u);  // a sentence for each
  EXPECT_TRUE(run.checkpoint_errors[0].starts_with("checkpoint of step 2 was not saved as a: "))
      << run.checkpoint_errors[0];
  EXPECT_TRUE(run.checkpoint_errors[1].starts_with("checkpoint of step 6 was not saved as last: "))
      << run.checkpoint_errors[1];
}

TEST(Checkpoint, OfManyThatCannotBeWrittenTheFirstHundredAreNamedAndTheOthersCounted) {
  Folder folder;
  const auto blocked = folder.path() / "blocked";
  std::ofstream(blocked) << "a file where the folder should be";
  SmallRun run{.steps = 130, .options = {.sync = lag(0), .folder = blocked}, .bus_options = {.thread = true}};
  run.pipelines = [](Bus& bus, Control& control) {
    bus.on<BatchEnd>() | decide(control, [](const BatchEnd&) { return std::optional(SaveCheckpoint{.file = "a"}); });
  };
  run.go();
  ASSERT_EQ(run.checkpoint_errors.size(), 101u);
  EXPECT_EQ(run.checkpoint_errors.back(),
            std::to_string(run.checkpoints_failed - 100) + " more checkpoints were not saved.");
}

TEST(Checkpoint, AWritersWordsNameTheFileThatWasMeant) {
  Folder folder;
  SmallRun run{.steps = 3, .options = {.sync = lag(0), .folder = folder.path()}, .bus_options = {.thread = true}};
  run.pipelines = [](Bus& bus, Control& control) {
    bus.on<BatchEnd>() | decide(control, save_at({{2, {.file = "a"}}}));
  };
  run.while_writing = [](const std::filesystem::path& file) { throw std::runtime_error(file.string() + " is full"); };
  run.go();
  ASSERT_EQ(run.checkpoint_errors.size(), 2u);  // the other is the run's last
  EXPECT_EQ(run.checkpoint_errors[0],
            "checkpoint of step 2 was not saved as a: " + (folder.path() / "a").string() + " is full");
}

TEST(Checkpoint, WithoutASnapshotOrWithAPathForANameItIsRefused) {
  Folder folder;
  SmallRun none{.steps = 3, .options = {.sync = lag(0)}};
  none.pipelines = [](Bus& bus, Control& control) {
    bus.on<BatchEnd>() | decide(control, save_at({{2, {.file = "a"}}}));
  };
  none.go();
  ASSERT_EQ(none.refused.size(), 1u);
  SmallRun path{.steps = 3, .options = {.sync = lag(0), .folder = folder.path(), .last = ""}};
  path.pipelines = [](Bus& bus, Control& control) {
    bus.on<BatchEnd>() | decide(control, save_at({{2, {.file = "../a"}}}));
  };
  path.go();
  ASSERT_EQ(path.refused.size(), 1u);
  EXPECT_TRUE(names_in(folder.path()).empty());
}

TEST(Checkpoint, InRelaxedItIsSealedWithoutWaitingForTheNextRequest) {
  Folder folder;
  SmallRun run{
      .steps = 400, .options = {.sync = relaxed, .folder = folder.path(), .last = ""}, .bus_options = {.thread = true}};
  std::atomic<bool> visible{false};
  run.options.before_visible = [&](const Cut&) { visible = true; };
  run.pipelines = [](Bus& bus, Control& control) {
    bus.on<BatchEnd>().named("save") | decide(control, save_at({{2, {.file = "a"}}}));
    bus.on<BatchEnd>().named("rare") | every(1000) | observe_on(io) | decide(control, note_at(1, {1}));
  };
  Step seen_at = 0;
  run.between = [&](Loop& loop, Step step) {
    loop.bus().flush();
    if (seen_at == 0 && visible) seen_at = step;
    if (step > 10 && seen_at == 0) std::this_thread::yield();
  };
  run.go();
  EXPECT_EQ(names_in(folder.path()), std::set<std::string>{"a"});
  EXPECT_GT(seen_at, 0) << "it became visible during the run";
}

TEST(Checkpoint, OneThatDoesntHandOverItsStateInTimeIsFailedAndTheCheckpointCompletesWithoutIt) {
  Folder folder;
  std::mutex mutex;
  std::condition_variable woken;
  bool go_on = false;
  SmallRun run{.steps = 8,
               .options = {.sync = lag(1),
                           .folder = folder.path(),
                           .last = "last",
                           .decision_deadline = std::chrono::milliseconds(400)},
               .bus_options = {.thread = true, .deadline = std::chrono::seconds(5)}};
  run.pipelines = [&](Bus& bus, Control& control) {
    bus.on<BatchEnd>().named("hangs") | observe_on(io) | subscribe(saved, pure([&](const BatchEnd& e) {
                                                                     std::unique_lock lock(mutex);
                                                                     if (e.step == 2)
                                                                       woken.wait(lock, [&] { return go_on; });
                                                                   }));
    bus.on<BatchEnd>().named("save") | decide(control, save_at({{3, {.file = "a"}}}));
  };
  run.between = [&](Loop&, Step step) {
    if (step == 6)  // the cut was at 4, sealed at 6 at the latest
      while (!std::filesystem::exists(folder.path() / "a")) std::this_thread::yield();
    if (step == 7) {
      const std::lock_guard lock(mutex);
      go_on = true;
      woken.notify_all();
    }
  };
  run.go();
  const auto state = state_in(folder.path() / "a");
  ASSERT_EQ(state.pipelines.size(), 2u);
  EXPECT_EQ(state.pipelines[0].without, "failed");
  ASSERT_EQ(run.broken.size(), 1u);
  EXPECT_EQ(run.broken[0].by, "hangs");
}

TEST(Checkpoint, ARunThatThrewLeavesTheCheckpointsItHad) {
  Folder folder;
  SmallRun run{.steps = 9,
               .options = {.sync = lag(0), .folder = folder.path(), .last = "last"},
               .bus_options = {.thread = true}};
  run.pipelines = [](Bus& bus, Control& control) {
    bus.on<BatchEnd>() | decide(control, save_at({{2, {.file = "a"}}}));
  };
  run.between = [](Loop&, Step step) {
    if (step == 4) throw std::runtime_error("the loop itself");
  };
  EXPECT_THROW(run.go(), std::runtime_error);
  EXPECT_EQ(names_in(folder.path()), std::set<std::string>{"a"})
      << "no last: the state is not that of a boundary's end";
}

}  // namespace
}  // namespace sidestep::test
