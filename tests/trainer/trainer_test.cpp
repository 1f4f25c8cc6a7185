#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <set>
#include <thread>

#include <scratch_folder.hpp>
#include <trainer/training.hpp>

namespace sidestep {
namespace {

using namespace test;

TEST(Trainer, PublishesEachStepAndEpochInOrder) {
  Training run(small(1));
  run.fit();
  std::vector<std::string> expected{"FitBegin", "EpochBegin"};
  for (int step = 0; step < 15; ++step)
    expected.insert(expected.end(), {"BatchBegin", "batch/loss", "batch/accuracy", "BatchEnd"});
  expected.insert(expected.end(), {"ValidationBegin", "ValidationEnd", "train/loss", "train/accuracy", "lr", "val/loss",
                                   "val/accuracy", "EpochEnd", "FitEnd", "TestEnd"});
  EXPECT_EQ(run.said, expected);
}

TEST(Trainer, LearnsAndReports) {
  Training run(small(6), lenet());
  const TrainingReport report = run.fit({early_stopping({.patience = 3})});
  ASSERT_EQ(report.epochs.size(), 6U);
  EXPECT_LT(report.epochs[5].train.loss, report.epochs[0].train.loss);
  EXPECT_GT(report.test->accuracy, 0.6);
  EXPECT_EQ(report.epochs[5].step, 90);
  EXPECT_EQ(run.trainer.test(), *report.test);
  EXPECT_EQ(report.state, "finished");
  EXPECT_TRUE(report.failed().empty());
  const auto& json = report.json;
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["model"], "lenet");
  EXPECT_EQ(json["backend"], "cpu");
  EXPECT_EQ(json["sync"], "lag:2");
  EXPECT_EQ(json["threads"], 1);
  EXPECT_EQ(json["seed"], 3);
  EXPECT_TRUE(json["interrupted"].is_null());
  EXPECT_EQ(json["bus"]["published"], json["bus"]["delivered"]);
  EXPECT_EQ(json["bus"]["pending"], 0);
  EXPECT_TRUE(json["reproducible"]["promised"]);
  EXPECT_EQ(json["boundary"]["count"], 96);
  EXPECT_EQ(json["callbacks"].back()["name"], "early_stopping");
  EXPECT_GT(json["epochs"][0]["samples_per_second"], 0);
  EXPECT_EQ(json["epochs"][0].count("partial"), 0U);
}

TEST(Trainer, EachFitIsARunOfItsOwn) {
  Training run;
  const TrainingReport first = run.fit();
  EXPECT_EQ(run.fit().epochs.back().train, first.epochs.back().train);
}

// On the same bus and control, into folders that nobody has made.
TEST(Trainer, TheCallbacksOfOneFitAreNotTheNextOnes) {
  ScratchFolder folder;
  Training run(small(3));
  const TrainingReport first =
      run.fit({early_stopping({.monitor = "val/loss", .min_delta = 10, .patience = 1}), csv_logger("metrics.csv")},
              {.out = folder.path() / "a"});
  EXPECT_TRUE(first.failed().empty()) << first.failed().front();
  EXPECT_EQ(first.epochs.size(), 2U);
  const std::string rows = read_text(folder.path() / "a" / "metrics.csv");
  EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 3) << rows;
  const TrainingReport second = run.fit({csv_logger("metrics.csv")}, {.out = folder.path() / "b"});
  EXPECT_TRUE(second.failed().empty()) << second.failed().front();
  EXPECT_EQ(second.epochs.size(), 3U) << "the first run's early stopping stopped the second";
  EXPECT_EQ(read_text(folder.path() / "a" / "metrics.csv"), rows);
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "b" / "report.json"));
}

TEST(Trainer, GoingOnBehindTheEndOfItsScheduleIsToldAtOnce) {
  ScratchFolder folder;
  Training begun(small(2));
  EXPECT_TRUE(begun.fit({}, {.out = folder.path() / "a"}).failed().empty());
  Training same(small(2)), longer(small(4));
  std::vector<std::string> notes;
  const auto note = [&](const std::string& what) { notes.push_back(what); };
  same.fit({}, {.out = folder.path() / "a", .resume = true, .note = note});
  EXPECT_TRUE(notes.empty());
  longer.fit({}, {.out = folder.path() / "a", .resume = true, .note = note});
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_NE(notes[0].find("schedule ends before step 60"), std::string::npos) << notes[0];
}

TEST(Trainer, AnotherSyncIsToldAtOnceAndStandsInTheReport) {
  ScratchFolder folder;
  TrainerOptions options = small(1);
  options.max_steps = 5;
  Training(options).fit({}, {.out = folder / "a"});
  options = small(1);
  options.sync = lag(1);
  Training more(options);
  std::vector<std::string> notes;
  const TrainingReport report =
      more.fit({}, {.out = folder / "a", .resume = true, .note = [&](const std::string& what) {
                      EXPECT_TRUE(more.rates.empty()) << "steps were done before it was told";
                      notes.push_back(what);
                    }});
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_NE(notes[0].find("was written under lag:2 and goes on under lag:1"), std::string::npos) << notes[0];
  EXPECT_EQ(report.warnings(), notes);
}

// Killed before its first checkpoint: it begins again, and its own rows with it. Those elsewhere are somebody's.
TEST(Trainer, ThatBeginsAgainWritesNoRowOfItsOwnTwice) {
  ScratchFolder folder;
  const auto callbacks = [&] {
    return std::vector<Callback>{csv_logger({.append = true}),
                                 csv_logger({.file = folder / "of-all-runs.csv", .append = true})};
  };
  Training(small(1)).fit(callbacks(), {.out = folder / "a"});
  const auto last = folder / "a/checkpoints/last.safetensors";
  std::filesystem::remove(last);
  Training(small(1)).fit(callbacks(), {.out = folder / "a", .resume = true});
  const auto lines = [](const std::filesystem::path& file) { return std::ranges::count(read_text(file), '\n'); };
  EXPECT_EQ(lines(folder / "a/metrics.csv"), 2);
  EXPECT_EQ(lines(folder / "of-all-runs.csv"), 3);
}

TEST(Trainer, MeansOfAnEpochWeighItsSmallerLastBatch) {
  TrainerOptions options = small(1);
  options.batch_size = 100;
  Training run(options);
  double loss = 0;
  std::int64_t samples = 0;
  run.bus.on<BatchEnd>() | subscribe([&](const BatchEnd& e) {
    loss += e.loss * e.samples;
    samples += e.samples;
  });
  const TrainingReport report = run.fit();
  EXPECT_EQ(samples, 480);
  EXPECT_DOUBLE_EQ(report.epochs[0].train.loss, loss / 480);
  EXPECT_EQ(report.epochs[0].samples, 480);
}

TEST(Trainer, LimitTrainTakesTheFirstSamples) {
  TrainerOptions options = small(1);
  options.limit_train = 70;
  Training run(options);
  EXPECT_EQ(run.fit().epochs[0].samples, 70);
  EXPECT_EQ(run.count("BatchEnd"), 3U);
}

TEST(Trainer, MaxStepsInMidEpochLeaveAPartialEpoch) {
  TrainerOptions options = small(2);
  options.max_steps = 20;
  Training run(options);
  const TrainingReport report = run.fit();
  ASSERT_EQ(report.epochs.size(), 2U);
  EXPECT_TRUE(report.epochs[1].partial);
  EXPECT_FALSE(report.epochs[1].val);
  EXPECT_TRUE(report.json["epochs"][1]["val"].is_null());
  EXPECT_TRUE(report.test);
  EXPECT_EQ(run.count("ValidationEnd"), 1U);
  EXPECT_EQ(run.said[run.said.size() - 3], "EpochEnd(partial)");
}

TEST(Trainer, MaxStepsAtAnEpochsEndCompleteIt) {
  TrainerOptions options = small(2);
  options.max_steps = 15;
  Training run(options);
  const TrainingReport report = run.fit();
  ASSERT_EQ(report.epochs.size(), 1U);
  EXPECT_FALSE(report.epochs[0].partial);
}

TEST(Trainer, ThreadsChangeNoBit) {
  TrainerOptions options = small(1);
  options.max_steps = 6;
  Training one(options, lenet());
  options.threads = 2;
  Training two(options, lenet());
  const TrainingReport first = one.fit(), second = two.fit();
  EXPECT_EQ(first.epochs[0].train, second.epochs[0].train);
  EXPECT_EQ(first.test, second.test);
}

TEST(Trainer, CallbackThatThrowsIsNamedAndTheRunGoesOn) {
  Training run(small(1));
  const TrainingReport report = run.fit({lambda({.on_batch_end = [](const BatchEnd& e) {
    if (e.step == 3) throw std::runtime_error("the dashboard is gone");
  }})});
  EXPECT_EQ(report.epochs.size(), 1U);
  EXPECT_EQ(report.state, "finished");
  ASSERT_EQ(report.failed().size(), 1U);
  EXPECT_NE(report.failed()[0].find("the dashboard is gone"), std::string::npos);
  EXPECT_NE(report.failed()[0].find("lambda"), std::string::npos);
}

TEST(Trainer, AMisspeltMonitorStandsInTheReport) {
  Training run(small(1));
  const TrainingReport report = run.fit({early_stopping({.monitor = "val/losss"})});
  EXPECT_EQ(report.state, "finished");
  ASSERT_EQ(report.failed().size(), 1U);
  EXPECT_NE(report.failed()[0].find("there is no metric 'val/losss' in this run. Did you mean monitor=val/loss?"),
            std::string::npos)
      << report.failed()[0];
}

TEST(Trainer, CallbackThatHangsElsewhereHoldsNoStepAndNoEnd) {
  std::atomic<bool> released{false};
  {
    Bus bus({.deadline = std::chrono::milliseconds(300)});
    Control control;
    Trainer trainer{mlp(), small_data(), small(1)};
    bus.on<BatchEnd>().named("hangs") | observe_on(io) | subscribe([&](const BatchEnd&) { released.wait(false); });
    const auto begin = std::chrono::steady_clock::now();
    const TrainingReport report = trainer.fit(bus, control, {});
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
    EXPECT_EQ(report.epochs.size(), 1U);
    ASSERT_EQ(report.failed().size(), 1U);
    EXPECT_NE(report.failed()[0].find("hangs"), std::string::npos);
    released = true;
    released.notify_all();
  }
}

TEST(Trainer, TakesItsStepsWhileAHandlerElsewhereStandsStill) {
  std::atomic<bool> released{false};
  std::atomic<std::int64_t> returned{0};
  Bus bus;
  Control control;
  Trainer trainer{mlp(), small_data(), small(1)};
  // One value waits behind the one that it stands at: then the dispatcher stands as well, and publishing goes on all
  // the same.
  const Handle hangs =
      bus.on<BatchEnd>().named("hangs") | observe_on(io, {.capacity = 1}) | subscribe([&](const BatchEnd&) {
        released.wait(false);
        ++returned;
      });
  std::optional<TrainingReport> report;
  std::thread training([&] { report = trainer.fit(bus, control, {}); });
  // FitBegin, EpochBegin, four events a step, and what comes behind the last: TestEnd is the trainer's last word. A
  // step that waited for the handler would never come, nor would this.
  while (bus.account().events < 2 + 15 * 4 + 10) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(returned.load(), 0);
  released = true;
  released.notify_all();
  training.join();
  bus.close();
  EXPECT_EQ(returned.load(), 15);
  EXPECT_EQ(hangs->delivered(), 15U);
  EXPECT_EQ(report->epochs.at(0).step, 15);
  EXPECT_EQ(report->state, "finished");
  EXPECT_TRUE(report->failed().empty());
}

TEST(Trainer, ClosesInTimeThoughAHandlerElsewhereNeverReturns) {
  const auto released = std::make_shared<std::atomic<bool>>(false);  // its handler may outlive the test
  const auto returned = std::make_shared<std::atomic<std::int64_t>>(0);
  {
    Bus bus({.deadline = std::chrono::milliseconds(300)});
    Control control;
    Trainer trainer{mlp(), small_data(), small(1)};
    bus.on<BatchEnd>() | filter([](const BatchEnd& e) { return e.step == 15; }) | observe_on(io) |
        subscribe([released, returned](const BatchEnd&) {
          released->wait(false);
          ++*returned;
        });
    const Handle completes =
        bus.on<BatchEnd>().named("completes") | window(count(100)) | mean(&BatchEnd::loss) | subscribe([](double) {});
    const TrainingReport report =
        trainer.fit(bus, control, {});  // its flush has failed it; close() finds it still there
    bus.close();                        // it comes back: without a deadline it never would
    EXPECT_EQ(returned->load(), 0);
    EXPECT_EQ(report.epochs.at(0).step, 15);
    EXPECT_EQ(report.failed().size(), 1U);
    EXPECT_FALSE(completes->failed());
    EXPECT_EQ(completes->life(), Subscription::Life::completed);
  }
  *released = true;
  released->notify_all();
}

TEST(Trainer, RefusesAFolderThatHoldsARunAndLeavesItAsItIs) {
  ScratchFolder folder;
  Training first, second;
  first.fit({model_checkpoint()}, {.out = folder.path()});
  const std::string report = read_text(folder / "report.json");
  const std::string why = complaint<EarlierRunError>([&] { second.fit({model_checkpoint()}, {.out = folder.path()}); });
  EXPECT_NE(why.find(folder.path().string()), std::string::npos) << why;
  EXPECT_NE(why.find(".resume = true"), std::string::npos) << why;
  EXPECT_NE(why.find(".overwrite = true"), std::string::npos) << why;
  EXPECT_EQ(read_text(folder / "report.json"), report);
  EXPECT_TRUE(second.said.empty()) << "nothing has begun";
  std::filesystem::remove(folder / "report.json");
  EXPECT_NE(complaint<EarlierRunError>([&] { second.fit({}, {.out = folder.path()}); }), "")
      << "its checkpoint is there";
}

TEST(Trainer, TakesAFolderWithOtherThingsInItAndNoneTwice) {
  ScratchFolder folder;
  write_text(folder / "notes.txt", "mine");
  std::filesystem::create_directories(folder / "checkpoints");
  Training run;
  EXPECT_EQ(run.fit({}, {.out = folder.path()}).state, "finished");
  EXPECT_EQ(read_text(folder / "notes.txt"), "mine");
  EXPECT_EQ(run.fit().state, "finished") << "without a folder it runs as often as one likes";
  EXPECT_EQ(run.fit().state, "finished");
}

TEST(Trainer, OverwritesAnEarlierRunWhenItIsToldToAndNobodyGoesOnFromThatOne) {
  ScratchFolder folder;
  Training long_run(small(2)), refused(small(1)), short_run(small(1));
  long_run.fit({model_checkpoint({.save_top_k = -1})}, {.out = folder.path()});
  write_text(folder / "checkpoints/mine.safetensors", "no checkpoint of a trainer");
  refused.bus.on<BatchEnd>() | throttle(std::chrono::milliseconds(1)) |
      decide(refused.control, [](const BatchEnd&) { return Stop{"x"}; });
  EXPECT_THROW(refused.fit({}, {.out = folder.path(), .overwrite = true}), ControlError);
  EXPECT_TRUE(std::filesystem::exists(folder / "checkpoints/last.safetensors"))
      << "a run that never began overwrites nothing";
  std::set<std::string> at_the_beginning;
  short_run.fit({}, {.out = folder.path(), .overwrite = true, .begun = [&](Step, const std::filesystem::path&) {
                       for (const auto& entry : std::filesystem::directory_iterator(folder / "checkpoints"))
                         at_the_beginning.insert(entry.path().filename().string());
                     }});
  EXPECT_EQ(at_the_beginning, std::set<std::string>{"mine.safetensors"});
  const auto last = SafetensorsFile::read(folder / "checkpoints/last.safetensors");
  EXPECT_EQ(CheckpointState::from_text(last.text(checkpoint_key)).step, 15);
}

TEST(Trainer, RefusesOptionsThatCannotBe) {
  const auto said = [](TrainerOptions options) {
    return complaint<std::invalid_argument>([&] { Trainer(mlp(), small_data(), options); });
  };
  EXPECT_NE(said({.epochs = 0}).find("epochs = 0"), std::string::npos);
  EXPECT_NE(said({.batch_size = -1}).find("batch_size"), std::string::npos);
  EXPECT_EQ(said({.batch_size = 481}), "batch_size = 481: is larger than the 480 samples that train. Say 480 or less.");
  EXPECT_EQ(said({.limit_train = 20, .batch_size = 32}),
            "batch_size = 32: is larger than the 20 samples that train. Say 20 or less.");
  EXPECT_EQ(said({.limit_train = 20, .batch_size = 481}),
            "batch_size = 481: is larger than the 20 samples that train. Say 20 or less.");
  EXPECT_EQ(said({.limit_train = 20}), "") << "nobody asked for the default: little data is one batch";
  EXPECT_NE(said({.lr = 0}).find("lr"), std::string::npos);
  EXPECT_NE(said({.optimizer = "adamv"}).find("'adamw'"), std::string::npos);
  EXPECT_NE(said({.backend = "cpuu"}).find("'cpu'"), std::string::npos);
}

TEST(Models, AreFoundByName) {
  EXPECT_EQ(model_named("lenet").layers.size(), 4U);
  EXPECT_EQ(model_named("resnet8").layers.size(), 6U);
  EXPECT_EQ(resnet8().network({1, 7, 7}).layers.size(), 6U) << "odd sides are no hindrance";
  EXPECT_NE(complaint<ModelError>([] { model_named("resnet18"); }).find("Did you mean 'resnet8'?"), std::string::npos);
  EXPECT_NE(complaint<ModelError>([] { model_named("lenett"); }).find("Did you mean 'lenet'?"), std::string::npos);
  EXPECT_NE(complaint<ModelError>([] { lenet().network({1, 7, 7}); }).find("1x7x7"), std::string::npos);
}

}  // namespace
}  // namespace sidestep
