#include "scratch_folder.hpp"

#include <sidestep/trainer/callbacks/registry.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace sidestep::test {
namespace {

std::string refused(const std::string& spec) {
  return complaint<CallbackError>([&] { make_callback(parse_spec(spec)); });
}

TEST(Registry, MakesEachCallbackByItsName) {
  for (const CallbackEntry& entry : callback_registry()) {
    if (entry.make == nullptr) continue;
    EXPECT_EQ(make_callback({std::string(entry.name), {}}).name, entry.name);
  }
  EXPECT_TRUE(std::ranges::is_sorted(callback_registry(), {}, &CallbackEntry::name));
}

TEST(Registry, SaysTheDefaultsThatTheCallbacksHave) {
  for (const CallbackEntry& entry : callback_registry()) {
    if (entry.make == nullptr) continue;
    std::string spec(entry.name);
    char before = ':';
    for (const CallbackOption& option : entry.options) {
      if (option.standard.empty()) continue;
      spec += before + std::string(option.name) + "=" + std::string(option.standard);
      before = ',';
    }
    EXPECT_EQ(make_callback(parse_spec(spec)).settings, make_callback({std::string(entry.name), {}}).settings) << spec;
  }
}

TEST(Registry, OptionsChangeSettings) {
  // settings are part of the key that finds a callback's state in a checkpoint
  EXPECT_NE(make_callback(parse_spec("early_stopping:patience=3")).settings,
            make_callback(parse_spec("early_stopping:patience=4")).settings);
}

TEST(Registry, NamesTheNearest) {
  EXPECT_EQ(refused("early_stoping"),
            "callback 'early_stoping' is unknown. Did you mean 'early_stopping'? `sidestep callbacks` lists all.");
  EXPECT_EQ(refused("nope"),
            "callback 'nope' is unknown. There are csv_logger, early_stopping, history, jsonl_logger, lambda, "
            "learning_rate_schedule, memory_release, model_checkpoint, progress, reduce_lr_on_plateau and "
            "terminate_on_nan.");
  EXPECT_EQ(refused("early_stopping:patince=3"),
            "callback early_stopping has no option 'patince'. Did you mean 'patience'?");
  EXPECT_EQ(refused("terminate_on_nan:patience=3"),
            "callback terminate_on_nan has no option 'patience'. It has none: leave it out.");
  EXPECT_EQ(refused("early_stopping:mode=mx"), "callback early_stopping: mode=mx is unknown. Did you mean 'max'?");
}

TEST(Registry, SaysWhatAFrameworksOptionIsHere) {
  EXPECT_EQ(refused("model_checkpoint:save_best_only=yes"),
            "callback model_checkpoint has no option 'save_best_only'. Say save_top_k=1 for the best alone, -1 for "
            "all.");
  EXPECT_EQ(refused("csv_logger:filename=a.csv"), "callback csv_logger has no option 'filename'. Say file=NAME.");
  EXPECT_EQ(refused("early_stopping:verbose=1"),
            "callback early_stopping has no option 'verbose'. The callback progress says what happens.");
  for (const CallbackEntry& entry : callback_registry())
    for (const ForeignOption& option : entry.elsewhere) {
      EXPECT_EQ(std::ranges::find(entry.options, option.name, &CallbackOption::name), entry.options.end());
      EXPECT_NE(read_text(std::filesystem::path(SIDESTEP_REPOSITORY) / "docs/callbacks.md").find(option.name),
                std::string::npos)
          << option.name << " is missing in docs/callbacks.md";
    }
}

TEST(Registry, RefusesValuesOfTheWrongTypeOrOutOfRange) {
  EXPECT_EQ(refused("early_stopping:patience=-1"),
            "callback early_stopping: patience=-1 is out of range. Say a whole number from 0.");
  EXPECT_EQ(refused("early_stopping:patience=three"),
            "callback early_stopping: patience=three is not a whole number. Say a whole number from 0.");
  EXPECT_EQ(refused("reduce_lr_on_plateau:factor=half"),
            "callback reduce_lr_on_plateau: factor=half is not a finite number. Say one such as 0.5 or 1e-4.");
  EXPECT_EQ(refused("reduce_lr_on_plateau:at=batch:0"),
            "callback reduce_lr_on_plateau: at=batch:0 is no moment. Say epoch, or batch:N with an N from 1.");
  for (const char* spec : {"early_stopping:restore_best_weights=maybe",
                           "csv_logger:separator=ab",
                           "jsonl_logger:every=0",
                           "model_checkpoint:save_top_k=-2",
                           "reduce_lr_on_plateau:factor=1",
                           "progress:interval=0",
                           "progress:interval=-1",
                           "progress:columns=5",
                           "progress:every=-1",
                           "progress:every=nan",
                           "csv_logger:separator=5",
                           "csv_logger:separator=-",
                           "csv_logger:separator=e",
                           "csv_logger:file=",
                           "reduce_lr_on_plateau:factor=-1",
                           "reduce_lr_on_plateau:factor=1.5",
                           "reduce_lr_on_plateau:factor=0",
                           "reduce_lr_on_plateau:min_delta=-1",
                           "reduce_lr_on_plateau:min_lr=-1",
                           "reduce_lr_on_plateau:min_lr=inf",
                           "reduce_lr_on_plateau:cooldown=-1",
                           "early_stopping:min_delta=-0.1",
                           "early_stopping:baseline=nan",
                           "early_stopping:monitor=",
                           "early_stopping:start_from_epoch=-1",
                           "model_checkpoint:every_n_epochs=0",
                           "model_checkpoint:save_top_k=1001",
                           "memory_release:every_n_epochs=0",
                           "memory_release:at=batch:-1",
                           "jsonl_logger:every=-1",
                           "learning_rate_schedule:warmup=-1",
                           "learning_rate_schedule:factor=-1",
                           "learning_rate_schedule:lr=-1",
                           "learning_rate_schedule:floor=-1",
                           "learning_rate_schedule:lr=0.1,floor=0.2",
                           "learning_rate_schedule:every=0",
                           "learning_rate_schedule:length=-1",
                           "learning_rate_schedule:warmup_from=2",
                           "learning_rate_schedule:lr=1e300",
                           "learning_rate_schedule:lr=0",
                           "learning_rate_schedule:shape=zigzag",
                           "memory_release:at=now",
                           "lambda",
                           "early_stopping:min_delta=nan",
                           "early_stopping:start_from_epoch=99999999999"})
    EXPECT_NE(refused(spec), "") << spec;
}

TEST(Registry, SaysThatOptionsStandBehindCommas) {
  EXPECT_EQ(
      refused("early_stopping:monitor=val/loss:patience=3"),
      "callback early_stopping: monitor=val/loss:patience=3 holds another option, patience. Write ',' before it.");
  EXPECT_NE(refused("early_stopping:patience=3;mode=min").find("another option, mode"), std::string::npos);
  EXPECT_NE(refused("csv_logger:file=a.csv append=yes").find("another option, append"), std::string::npos);
  EXPECT_EQ(refused("csv_logger:file=my append.csv"), "");
  EXPECT_EQ(refused("csv_logger:file=lr=0.1.csv"), "");
}

TEST(Registry, ReadsEveryKindOfValue) {
  EXPECT_EQ(refused("early_stopping:monitor=batch/loss,at=batch:20,baseline=0.5,mode=min,restore_best_weights=yes"),
            "");
  EXPECT_EQ(refused("csv_logger:separator=;,append=true,file=a.csv"), "");
  EXPECT_EQ(refused("jsonl_logger:events=,every=10"), "");
  EXPECT_EQ(refused("progress:terminal=no,every=0"), "");
  EXPECT_EQ(refused("model_checkpoint:initial_value_threshold=0.8"), "");
}

TEST(Registry, ACheckpointThatTheCommandNamesEndsAsItsFormatDoes) {
  const auto file = [](const std::string& given) {
    const std::string settings = make_callback(parse_spec("model_checkpoint:file=" + given)).settings;
    const std::size_t begin = settings.find("file=") + 5;
    return settings.substr(begin, settings.find(',', begin) - begin);
  };
  EXPECT_EQ(file("best"), "best.safetensors");
  EXPECT_EQ(file("{value:.4f}"), "{value:.4f}.safetensors");
  EXPECT_EQ(file("mine.safetensors"), "mine.safetensors");
}

TEST(Registry, TheCommandsDefaultsAreWhatItSays) {
  std::vector<std::string> texts;
  for (const Spec& spec : default_callbacks()) {
    texts.push_back(spec.text());
    EXPECT_NO_THROW(make_callback(spec));
  }
  EXPECT_EQ(texts, (std::vector<std::string>{"progress", "csv_logger", "jsonl_logger", "history", "model_checkpoint",
                                             "early_stopping:monitor=val/loss,patience=3",
                                             "reduce_lr_on_plateau:monitor=val/loss,patience=1", "terminate_on_nan"}));
}

TEST(Registry, DescribesInEightyColumns) {
  const auto fits = [](const std::string& text) {
    std::size_t begin = 0;
    for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
      EXPECT_LE(end - begin, 80u) << text.substr(begin, end - begin);
  };
  fits(describe_callbacks());
  for (const CallbackEntry& entry : callback_registry()) fits(describe_callback(entry.name));
  EXPECT_NE(describe_callback("early_stopping").find("patience"), std::string::npos);
  EXPECT_NE(describe_callback("learning_rate_schedule").find("in --schedule it counts epochs"), std::string::npos);
  EXPECT_NE(describe_callback("lambda").find("docs/callbacks.md has an example"), std::string::npos);
  EXPECT_THROW(describe_callback("nothing"), CallbackError);
}

}  // namespace
}  // namespace sidestep::test
