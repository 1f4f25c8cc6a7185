// Weights that are kept, and brought back at the end.
#include "small_run.hpp"

namespace sidestep::test {
namespace {

/// Early stopping in small: the best was at each of these steps in turn, and the run is to end with the last one's
/// weights.
SmallRun keeper(Sync sync, std::set<Step> best, Step steps = 12) {
  SmallRun run{.steps = steps, .options = {.sync = sync, .last = "last"}};
  run.pipelines = [best](Bus& bus, Control& control) {
    bus.on<BatchEnd, FitEnd>().named("keeper") |
        decide(control, pure([best](const OneOf<BatchEnd, FitEnd>& event) {
                 Decisions asked;
                 if (const auto* batch = event.get_if<BatchEnd>(); batch != nullptr && best.contains(batch->step))
                   asked.ask(KeepWeights{.owner = "keeper"});
                 if (event.get_if<FitEnd>() != nullptr)
                   asked.ask(RestoreBest{.owner = "keeper", .cause_step = *best.rbegin()});
                 return asked;
               }));
  };
  return run;
}

TEST(Kept, TheBestIsBroughtBackIfItWasKeptInTime) {
  SmallRun run = keeper(lag(2), {3, 10});
  run.go();
  EXPECT_EQ(run.table(),
            "keep_weights keeper 3->5 0\n"
            "keep_weights keeper 10->12 0\n"
            "restore_best keeper 12->12 10\n");
  EXPECT_EQ(run.warnings, std::vector<std::string>{});
}

// It is due behind the last step, and what is kept is an older one's.
TEST(Kept, OneThatWasAskedForTooLateIsSaidAndNeitherBroughtBackNorRefused) {
  SmallRun run = keeper(lag(2), {3, 11}), plain = keeper(lag(2), {11});
  run.go();
  plain.go();
  EXPECT_EQ(run.table(), "keep_weights keeper 3->5 0\n");
  EXPECT_TRUE(run.refused.empty());
  EXPECT_EQ(run.warnings, std::vector<std::string>{
                              "keeper: its best was at step 11, and the run ended before a copy of its weights was "
                              "made. None is restored: the run ends with the weights of step 12."});
  EXPECT_EQ(run.weight, plain.weight);
  ASSERT_EQ(run.pending.size(), 1u);
  EXPECT_EQ(run.pending[0].decision, "keep_weights") << "a longer run makes it";
}

TEST(Kept, TheSameWhereNobodyWaitsForDecisions) {
  SmallRun run = keeper(relaxed, {12});  // nothing is handled before the end
  run.go();
  EXPECT_EQ(run.table(), "");
  EXPECT_TRUE(run.refused.empty());
  ASSERT_EQ(run.warnings.size(), 1u);
  EXPECT_NE(run.warnings[0].find("its best was at step 12"), std::string::npos) << run.warnings[0];
}

TEST(Kept, ARunThatGoesOnIsTheUninterruptedOne) {
  Folder folder, whole_folder;
  SmallRun first = keeper(lag(2), {3, 11}), more = keeper(lag(2), {3, 11}, 14), whole = keeper(lag(2), {3, 11}, 14);
  first.options.folder = more.options.folder = folder.path();
  whole.options.folder = whole_folder.path();
  whole.go();
  first.go();
  EXPECT_EQ(first.warnings.size(), 1u);
  more.resume = folder.path() / "last";
  more.go();
  EXPECT_EQ(more.table(),
            "keep_weights keeper 3->5 0\n"
            "keep_weights keeper 11->13 0\n"
            "restore_best keeper 14->14 11\n");
  EXPECT_EQ(more.table(), whole.table());
  EXPECT_EQ(more.weight, whole.weight);
  EXPECT_EQ(more.warnings, std::vector<std::string>{});
  EXPECT_TRUE(read_folder(folder.path()) == read_folder(whole_folder.path()));
}

}  // namespace
}  // namespace sidestep::test
