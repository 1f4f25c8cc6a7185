#include <gtest/gtest.h>

#include <sstream>

#include <scratch_folder.hpp>
#include <sidestep/trainer/backend.hpp>
#include <sidestep/trainer/command/command_line.hpp>
#include <sidestep/trainer/command/help.hpp>
#include <sidestep/trainer/command/train_options.hpp>
#include <sidestep/trainer/version.hpp>

namespace sidestep {
namespace {

namespace fs = std::filesystem;
using namespace test;

struct Answer {
  int code = 0;
  std::string out, err;
};

Answer sidestep(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  const int code = run_command_line(arguments, {out, err});
  return {code, out.str(), err.str()};
}

/// What a command that got bad input said, after checking that it is one sentence and the right exit code.
std::string refusal(const std::vector<std::string>& arguments) {
  const Answer answer = sidestep(arguments);
  EXPECT_EQ(answer.code, 2) << answer.err;
  EXPECT_EQ(answer.out, "");
  EXPECT_TRUE(answer.err.starts_with("sidestep: ") && answer.err.ends_with('\n')) << answer.err;
  EXPECT_EQ(std::ranges::count(answer.err, '\n'), 1) << answer.err;
  return answer.err.size() < 11 ? answer.err : answer.err.substr(10, answer.err.size() - 11);
}

TEST(Command, NamesTheNearestCommandAndOption) {
  EXPECT_EQ(refusal({"trian"}), "trian: there is no such command. Did you mean 'train'?");
  EXPECT_EQ(refusal({"xyz", "--epochs", "3"}),
            "xyz: there is no such command. There are train, evaluate, callbacks, operators, log, watch and info.");
  EXPECT_EQ(refusal({"--verison"}), "--verison: there is no such option. Did you mean '--version'?");
  EXPECT_EQ(refusal({"train", "--ephocs", "3"}), "train: --ephocs: there is no such option. Did you mean '--epochs'?");
  EXPECT_EQ(refusal({"train", "--batch_size=3"}),
            "train: --batch_size: there is no such option. Did you mean '--batch-size'?");
  EXPECT_EQ(refusal({"train", "--gpu"}), "train: --gpu: there is no such option. See `sidestep train --help`.");
  EXPECT_EQ(refusal({"train", "lenet"}),
            "train: 'lenet' isn't expected here. Options begin with --. See `sidestep train --help`.");
  EXPECT_EQ(refusal({"info", "--hlp"}), "info: --hlp: there is no such option. Did you mean '--help'?");
  EXPECT_EQ(refusal({"info", "--foo"}), "info: --foo: there is no such option. There is only --help.");
  EXPECT_EQ(refusal({"evaluate", "x", "--foo"}),
            "evaluate: --foo: there is no such option. There are --help, --data and --kept.");
}

TEST(Command, NamesWhatIsMissingOrTooMuch) {
  EXPECT_EQ(refusal({"train", "--epochs"}), "train: --epochs has no value. Give it one. See `sidestep train --help`.");
  EXPECT_EQ(refusal({"train", "--quiet=x"}),
            "train: --quiet takes no value. Leave out what follows it. See `sidestep train --help`.");
  for (const char* flag : {"--quiet=false", "--record=5", "--resume=yes", "--no-share=1", "--tf32=0"})
    EXPECT_NE(refusal({"train", flag, "--lr", "nan"}).find(" takes no value. Leave out what follows it."),
              std::string::npos)
        << flag;
  EXPECT_NE(refusal({"watch", "--events=2"}).find("--events takes no value."), std::string::npos);
  // an option that follows one isn't its value
  const std::string see = " See `sidestep train --help`.";
  EXPECT_EQ(refusal({"train", "--out", "--quiet"}), "train: --out has no value before --quiet. Give it one." + see);
  EXPECT_EQ(refusal({"train", "--epochs", "--out", "o"}),
            "train: --epochs has no value before --out. Give it one." + see);
  EXPECT_EQ(refusal({"train", "--callback", "progress", "--callback", "--no-share"}),
            "train: --callback has no value before --no-share. Give it one." + see);
  EXPECT_EQ(refusal({"train", "--out=--x"}),
            "train: --out has no value before --x. Give it one, ./--x if that is its name." + see);
  EXPECT_EQ(refusal({"log", "cat", "f", "--from", "--to", "3"}),
            "log: --from has no value before --to. Give it one. See `sidestep log --help`.");
  EXPECT_EQ(refusal({"train", "--seed", "-1"}), "--seed -1: must be a whole number, 0 or more.");
  EXPECT_TRUE(refusal({"evaluate", "--", "nofile"}).starts_with("nofile: there is no such file."));
  EXPECT_EQ(refusal({"train", "--", "x"}), "train: 'x' isn't expected here. Options begin with --." + see);
  EXPECT_EQ(refusal({"evaluate"}), "evaluate: no checkpoint was given. Name one. See `sidestep evaluate --help`.");
}

TEST(Command, NamesABadValue) {
  EXPECT_EQ(refusal({"train", "--batch-size", "0"}), "--batch-size 0: must be a whole number from 1 to 65536.");
  EXPECT_EQ(refusal({"train", "--lr", "nan"}), "--lr nan: must be a number above 0, at most 1000.");
  EXPECT_EQ(refusal({"train", "--epochs", "-1"}), "--epochs -1: must be a whole number from 1 to 1000000.");
  EXPECT_EQ(refusal({"train", "--epochs", "1", "--epochs", "2"}), "--epochs is given 2 times. Give it once.");
  EXPECT_EQ(refusal({"train", "--seed", "99999999999999999999"}),
            "--seed 99999999999999999999: must be a whole number from 0 to 9223372036854775807.");
  EXPECT_EQ(refusal({"train", "--seed", "-1"}), "--seed -1: must be a whole number, 0 or more.");
  EXPECT_EQ(refusal({"train", "--model", "LeNet"}), "--model LeNet: unknown model. Did you mean 'lenet'?");
  EXPECT_EQ(refusal({"train", "--model", "lenett"}), "--model lenett: unknown model. Did you mean 'lenet'?");
}

TEST(Command, HelpsIn80Columns) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"--help"}, {"train", "--help"}, {"evaluate", "-h"}, {"callbacks", "--help"}, {"info", "--help"}}) {
    const Answer answer = sidestep(arguments);
    EXPECT_EQ(answer.code, 0);
    EXPECT_EQ(answer.err, "");
    EXPECT_TRUE(answer.out.starts_with("Usage: sidestep ")) << answer.out;
    std::istringstream lines(answer.out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
  }
  const std::string help = sidestep({"train", "--help"}).out;
  EXPECT_NE(help.find("  --batch-size N         samples in a step (default 128)\n"), std::string::npos) << help;
  std::string words = help;
  for (std::size_t at; (at = words.find("\n")) != std::string::npos;)
    words.replace(at, words.find_first_not_of("\n ", at) - at, " ");
  for (const char* said :
       {"warmup:steps=500 (first up in a straight line, then a cosine, or what then= names: constant, step)",
        "step:every=2,by=0.5 (every 2 epochs; the callback learning_rate_schedule counts steps)",
        "stop after this many steps in all, those before a --resume included",
        "may differ from the run's config.toml, which remembers what they are now",
        "trains on only if its end moves: with more --epochs, or with a greater --max-steps if that was its limit"})
    EXPECT_NE(words.find(said), std::string::npos) << said << '\n' << words;
  for (const ConfigOption& option : config_options())
    EXPECT_NE(help.find(std::string("  --").append(option.key)), std::string::npos) << option.key;
}

TEST(Command, HelpIsACommandToo) {
  EXPECT_EQ(sidestep({"help"}).out, sidestep({"--help"}).out);
  EXPECT_EQ(sidestep({"help"}).code, 0);
  EXPECT_EQ(sidestep({"help", "help"}).out, sidestep({"--help"}).out);
  EXPECT_EQ(sidestep({"help", "help"}).code, 0);
  EXPECT_EQ(sidestep({"help", "train"}).out, sidestep({"train", "--help"}).out);
  EXPECT_TRUE(sidestep({"help", "log"}).out.starts_with("Usage: sidestep log ")) << sidestep({"help", "log"}).out;
  EXPECT_EQ(refusal({"help", "trian"}), "trian: there is no such command. Did you mean 'train'?");
}

TEST(Command, WithoutAnythingItHelpsAndFails) {
  const Answer answer = sidestep({});
  EXPECT_EQ(answer.code, 2);
  EXPECT_TRUE(answer.err.starts_with("Usage: sidestep COMMAND")) << answer.err;
}

TEST(Command, SaysVersionsFeaturesAndBackends) {
  EXPECT_EQ(sidestep({"--version"}).out, std::string(version()) + "\n");
  const Answer info = sidestep({"info"});
  EXPECT_EQ(info.code, 0);
  for (const char* what : {"sidestep   ", "libraries  ", "cpu        ", "features   ", "backend cpu    uses ",
                           "backend cuda ", "cuda-emulated ", "data       "})
    EXPECT_NE(info.out.find(what), std::string::npos) << info.out;
  EXPECT_NE(info.out.find("bus stores     "), std::string::npos) << info.out;
  EXPECT_EQ(info.out.find("asked for"), std::string::npos) << "nobody asked: " << info.out;
}

TEST(Command, ListsOperatorsAndDrawsOne) {
  const Answer all = sidestep({"operators"});
  EXPECT_EQ(all.code, 0);
  for (const char* name : {"filter", "window", "merge"}) EXPECT_NE(all.out.find(name), std::string::npos) << name;
  std::istringstream lines(all.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
  const Answer one = sidestep({"operators", "take"});
  EXPECT_NE(one.out.find("--1--2--3--4--|"), std::string::npos) << one.out;
  EXPECT_NE(refusal({"operators", "tak"}).find("take"), std::string::npos);
}

TEST(Command, WhateverOneWritesInAPipelineHasItsPage) {
  for (const char* name : {"min_of",
                           "max_of",
                           "standard_deviation",
                           "median",
                           "p90",
                           "p99",
                           "half_life",
                           "sliding",
                           "time",
                           "growing",
                           "sliding_time",
                           "session",
                           "by",
                           "until",
                           "throttle_first",
                           "throttle_last",
                           "throttle_both",
                           "io",
                           "compute",
                           "is_finite",
                           "not_finite",
                           "named",
                           "at_most",
                           "unbounded",
                           "saved",
                           "decide",
                           "over",
                           "pure",
                           "min_of()",
                           "window(count(10))",
                           "extremes"}) {
    const Answer page = sidestep({"operators", name});
    EXPECT_EQ(page.code, 0) << name << ": " << page.err;
    EXPECT_GT(page.out.size(), 100U) << page.out;
  }
  EXPECT_TRUE(sidestep({"operators", "max_of"}).out.starts_with("min_of, max_of\n"));
  // what is a statistic and a window is both
  const std::string count = sidestep({"operators", "count"}).out;
  EXPECT_TRUE(count.starts_with("count\n") && count.find("\nwindow\n") != std::string::npos) << count;
  EXPECT_EQ(refusal({"operators", "min_off"}), "unknown operator 'min_off'. Did you mean 'min_of'?");
  EXPECT_EQ(refusal({"operators", "zzzzzz"}), "unknown operator 'zzzzzz'. `sidestep operators` lists all.");
}

TEST(Command, TheListOfOperatorsCutsNoSentence) {
  const std::string all = sidestep({"operators"}).out;
  EXPECT_EQ(all.find("...\n"), std::string::npos) << all;
  EXPECT_NE(all.find("  take                    Lets the first n values pass and ends the stream with\n"
                     "                          the n-th\n"),
            std::string::npos)
      << all;
  EXPECT_NE(all.find("  every                   Lets the n-th, 2n-th, 3n-th ... value pass\n"), std::string::npos)
      << all;
}

TEST(Command, ListsCallbacks) {
  const Answer all = sidestep({"callbacks"});
  EXPECT_EQ(all.code, 0);
  EXPECT_NE(all.out.find("early_stopping"), std::string::npos) << all.out;
  const Answer one = sidestep({"callbacks", "early_stopping"});
  EXPECT_NE(one.out.find("patience"), std::string::npos) << one.out;
  EXPECT_NE(refusal({"callbacks", "early_stoping"}).find("early_stopping"), std::string::npos);
}

TEST(Wrapped, BreaksBetweenWordsAndNeverInThem) {
  EXPECT_EQ(wrapped("aa bb cc", 0, 2, 5), "aa bb\n  cc");
  EXPECT_EQ(wrapped("aa bb cc", 3, 2, 5), "aa\n  bb\n  cc");
  EXPECT_EQ(wrapped("aaaaaaaaaa b", 0, 0, 5), "aaaaaaaaaa\nb");
  EXPECT_EQ(wrapped("", 0, 0, 5), "");
}

class TrainRequests : public testing::Test {
 protected:
  TrainRequests() { fs::current_path(folder_.path()); }
  ~TrainRequests() override { fs::current_path(before_); }

  static TrainRequest ask(std::vector<std::string> arguments) {
    CLI::App app;
    TrainOptions options;
    options.declare(app);
    std::ranges::reverse(arguments);
    app.parse(arguments);
    return options.request();
  }
  static std::string said(const std::vector<std::string>& arguments) {
    try {
      ask(arguments);
    } catch (const std::exception& error) {
      return error.what();
    }
    return {};
  }
  static void begin(const std::vector<std::string>& arguments) {
    TrainRequest request = ask(arguments);
    request.open_folder().keep();
  }

  fs::path before_ = fs::current_path();
  ScratchFolder folder_;
};

TEST_F(TrainRequests, HaveTheDefaults) {
  RunConfig expected;
  pin_schedule(expected);
  expected.backend = resolve_backend("auto");
  const TrainRequest request = ask({});
  EXPECT_EQ(request.config, expected);
  EXPECT_EQ(request.out, std::nullopt);
  EXPECT_FALSE(request.resumed.has_value());
}

TEST_F(TrainRequests, TakeEachCallbackWithOneValue) {
  const RunConfig config = ask({"--callback", "progress", "--callback", "early_stopping:patience=1,monitor=val/loss",
                                "--no-default-callbacks", "--quiet", "--out", "x"})
                               .config;
  ASSERT_EQ(config.callbacks.size(), 2U);
  EXPECT_EQ(config.callbacks[1].text(), "early_stopping:patience=1,monitor=val/loss");
  EXPECT_TRUE(config.no_default_callbacks);
  EXPECT_TRUE(config.quiet);
}

TEST_F(TrainRequests, TheCommandLineCountsMoreThanTheFile) {
  write_text("run.toml", "epochs = 7\nlr = 0.5\n");
  const RunConfig config = ask({"--config", "run.toml", "--epochs", "3"}).config;
  EXPECT_EQ(config.epochs, 3);
  EXPECT_EQ(config.lr, 0.5);
  EXPECT_EQ(said({"--config", "none.toml"}), "none.toml: there is no such file. Name a config.toml.");
  EXPECT_EQ(said({"--config", "."}), ".: isn't a file. Name a config.toml.");
  EXPECT_EQ(said({"--config", ""}), "--config: is empty. Give it a name, or leave it out.");
}

TEST_F(TrainRequests, ACallbackOfTheCommandLineReplacesTheFilesOfItsNameAlone) {
  write_text("run.toml",
             R"(callback = ["early_stopping:patience=7", "memory_release", "early_stopping:monitor=val/loss"])");
  const auto callbacks = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--config", "run.toml"});
    std::vector<std::string> texts;
    for (const Spec& spec : ask(arguments).config.callbacks) texts.push_back(spec.text());
    return texts;
  };
  using Texts = std::vector<std::string>;
  EXPECT_EQ(callbacks({"--callback", "memory_release:every_n_epochs=3"}),
            (Texts{"early_stopping:patience=7", "early_stopping:monitor=val/loss", "memory_release:every_n_epochs=3"}));
  EXPECT_EQ(callbacks({"--callback", "early_stopping", "--callback", "terminate_on_nan"}),
            (Texts{"memory_release", "early_stopping", "terminate_on_nan"}));
}

TEST_F(TrainRequests, SayWhereAnOptionCameFrom) {
  write_text("run.toml", "tf32 = true\nlr = 0.5\n");
  const TrainRequest request = ask({"--config", "run.toml", "--lr", "0.1"});
  EXPECT_EQ(request.spelled("tf32"), "run.toml: tf32");
  EXPECT_EQ(request.spelled("lr"), "--lr");
  EXPECT_EQ(request.spelled("backend"), "--backend");
  EXPECT_TRUE(request.said.contains("lr"));
  EXPECT_FALSE(request.said.contains("tf32"));
}

TEST_F(TrainRequests, KeepTheDataFoldersWholePath) {
  EXPECT_EQ(ask({"--data", "mine/../mine"}).config.data, (fs::current_path() / "mine").string());
}

TEST_F(TrainRequests, RefuseWhatConfigTomlCannotKeep) {
  const std::string why =
      " isn't UTF-8, so config.toml can't keep it, and the run couldn't be resumed. Give the file or folder another "
      "name, or lead to it by a link.";
  EXPECT_EQ(said({"--data", "m\xfcll"}), "--data:" + why);
  EXPECT_EQ(said({"--callback", "csv_logger:file=\xff.csv"}), "--callback:" + why);
  EXPECT_EQ(said({"--data", "m\u00fcll"}), "");
}

TEST_F(TrainRequests, NeedAWorkingFolderOnlyForWhatIsRelative) {
  fs::create_directory("gone");
  fs::current_path("gone");
  fs::remove("../gone");
  EXPECT_EQ(said({"--data", "mine"}),
            "--data mine: can't be found from here: the working folder is gone. Name it by its whole path, or go to "
            "another folder.");
  EXPECT_EQ(said({"--data", "/mine"}), "");
}

TEST_F(TrainRequests, RememberTheBackendThatAutoTook) {
  begin({"--out", "a"});
  const std::string backend = RunFolder::resume("a").stored_config().backend;
  EXPECT_EQ(backend, resolve_backend("auto"));
  EXPECT_EQ(ask({"--resume", "--out", "a", "--backend", backend}).config.backend, backend);
  EXPECT_EQ(ask({"--resume", "--out", "a", "--backend", "auto"}).config.backend, backend);
}

TEST_F(TrainRequests, GoOnWithWhatTheRunBeganWith) {
  begin({"--out", "a", "--lr", "0.5", "--epochs", "3"});
  {
    TrainRequest request = ask({"--resume", "--out", "a", "--epochs", "9"});
    ASSERT_TRUE(request.resumed.has_value());
    EXPECT_EQ(request.config.lr, 0.5);
    EXPECT_EQ(request.config.epochs, 9);
    EXPECT_EQ(request.config.schedule.epochs, 3);
    request.open_folder().keep();
  }
  EXPECT_EQ(ask({"--resume", "--out", "a"}).config.epochs, 9);
  EXPECT_TRUE(said({"--resume", "--out", "a", "--lr", "0.1"}).starts_with("--lr 0.1: the run in a began with 0.5, "));
  EXPECT_TRUE(said({"--resume"}).starts_with("runs: there is no run to resume."));
  EXPECT_EQ(said({"--resume", "--out", "a", "--lr", "0"}), "--lr 0: must be a number above 0, at most 1000.");
}

TEST_F(TrainRequests, RepeatARunFromItsConfig) {
  begin({"--out", "a", "--lr", "0.5", "--callback", "early_stopping:patience=1", "--seed", "7"});
  const RunConfig first = RunFolder::resume("a").stored_config();
  EXPECT_EQ(ask({"--config", "a/config.toml", "--out", "b"}).config, first);
}

}  // namespace
}  // namespace sidestep
