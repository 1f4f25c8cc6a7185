#include "callbacks/fake_run.hpp"
#include "scratch_folder.hpp"

#include <sidestep/callbacks.hpp>
#include <sidestep/trainer/callbacks/registry.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace sidestep::test {
namespace {

/// All but learning_rate_schedule, which has nothing to hand over without a schedule.
std::set<std::string> with_factory() {
  std::set<std::string> names;
  for (const CallbackEntry& entry : callback_registry())
    if (entry.name != "learning_rate_schedule") names.emplace(entry.name);
  return names;
}

std::set<std::string> names_of(const std::vector<Callback>& callbacks) {
  std::set<std::string> names;
  for (const Callback& callback : callbacks) names.insert(callback.name);
  return names;
}

TEST(Factories, TakeNothing) {
  const std::vector<Callback> made{
      csv_logger(),     early_stopping(),   history(),  jsonl_logger(),         lambda(),
      memory_release(), model_checkpoint(), progress(), reduce_lr_on_plateau(), terminate_on_nan()};
  EXPECT_EQ(names_of(made), with_factory());
}

TEST(Factories, TakeEmptyBraces) {
  const std::vector<Callback> made{
      csv_logger({}),     early_stopping({}),   history({}),  jsonl_logger({}),         lambda({}),
      memory_release({}), model_checkpoint({}), progress({}), reduce_lr_on_plateau({}), terminate_on_nan({})};
  EXPECT_EQ(names_of(made), with_factory());
  for (const Callback& each : made)
    for (const Callback& other :
         {csv_logger(), early_stopping(), jsonl_logger(), model_checkpoint(), progress(), reduce_lr_on_plateau()}) {
      if (each.name != other.name) continue;
      EXPECT_EQ(each.settings, other.settings) << each.name << ": the braces mean the defaults";
    }
}

/// Where it writes, in a run of one step.
std::vector<std::string> files_of(const Callback& logger) {
  ScratchFolder folder;
  FakeRun run{.callbacks = {logger}, .folder = folder.path(), .steps = 1, .steps_per_epoch = 1};
  run.go();
  std::vector<std::string> names = folder.names();
  std::erase(names, "checkpoints");
  return names;
}

TEST(Factories, OfLoggersTakeAFileHoweverItIsSaid) {
  const std::string text = "a.log";
  const std::filesystem::path path = text;
  for (const Callback& each :
       {csv_logger("a.log"), csv_logger(text), csv_logger(path), csv_logger(std::string_view(text)),
        csv_logger({"a.log"}), csv_logger({.file = "a.log"}), csv_logger(CsvLoggerOptions{.file = path})})
    EXPECT_EQ(files_of(each), std::vector<std::string>{"a.log"});
  for (const Callback& each :
       {jsonl_logger("a.log"), jsonl_logger(text), jsonl_logger(path), jsonl_logger(std::string_view(text)),
        jsonl_logger({"a.log"}), jsonl_logger({.file = "a.log"}), jsonl_logger(JsonlLoggerOptions{.file = path})})
    EXPECT_EQ(files_of(each), (std::vector<std::string>{"a.log", "events.jsonl"}));
  EXPECT_EQ(files_of(csv_logger({})), std::vector<std::string>{"metrics.csv"});
}

TEST(Factories, OfASchedulesCallbackTakesASchedule) {
  EXPECT_EQ(learning_rate_schedule({.shape = Schedule::Shape::cosine, .base = 2e-3}).name, "learning_rate_schedule");
  EXPECT_NE(complaint<CallbackError>([] { learning_rate_schedule({}); }), "") << "a rate of 0 trains nothing";
}

}  // namespace
}  // namespace sidestep::test
