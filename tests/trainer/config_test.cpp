#include <gtest/gtest.h>

#include <scratch_folder.hpp>
#include <sidestep/trainer/config.hpp>

namespace sidestep {
namespace {

using namespace test;

/// What setting these options says.
std::string said(const GivenOptions& given) {
  return complaint<ConfigError>([&] {
    RunConfig config;
    apply(config, given, "--");
  });
}

std::string said(const std::string& key, const std::string& value) { return said({{key, {value}}}); }

RunConfig unusual() {
  RunConfig config;
  apply(config,
        {{"model", {"mlp"}},
         {"backend", {"cpu"}},
         {"epochs", {"7"}},
         {"max-steps", {"100"}},
         {"limit-train", {"6400"}},
         {"batch-size", {"32"}},
         {"lr", {"1e-20"}},
         {"schedule", {"warmup:steps=500,from=0.1,then=step,every=2,by=0.5"}},
         {"optimizer", {"sgd"}},
         {"seed", {"9223372036854775807"}},
         {"threads", {"3"}},
         {"sync", {"lockstep"}},
         {"run-ahead", {"5"}},
         {"tf32", {"true"}},
         {"callback", {"early_stopping:monitor=val/loss", R"(csv_logger:file=a\,"b")"}},
         {"no-default-callbacks", {"true"}},
         {"data", {"my \"data\"\\here"}},
         {"quiet", {"true"}}},
        "--");
  return config;
}

TEST(Config, HasTheDefaultsThatTheHelpPromises) {
  const RunConfig config;
  EXPECT_EQ(config_text(config), R"(# `sidestep train --config THIS_FILE` repeats this run.
model = "lenet"
backend = "auto"
epochs = 5
batch-size = 128
lr = 0.002
schedule = "cosine"
optimizer = "adamw"
seed = 1
sync = "lag:2"
run-ahead = 2
tf32 = false
callback = []
no-default-callbacks = false
data = "/usr/share/datasets/fashion-mnist"
quiet = false
)");
}

TEST(Config, ReadsWhatItWrote) {
  const ScratchFolder folder;
  for (const RunConfig& config : {RunConfig{}, unusual()}) {
    write_text(folder / "config.toml", config_text(config));
    RunConfig read;
    apply(read, read_config_file(folder / "config.toml"), "");
    EXPECT_EQ(read, config) << config_text(config);
  }
}

TEST(Config, EveryOptionCanBeSetAndIsWritten) {
  const RunConfig unlike = unusual();
  for (const ConfigOption& option : config_options()) {
    EXPECT_NE(option.get(unlike), option.get(RunConfig{})) << option.key;
    EXPECT_NE(config_text(unlike).find(std::string("\n").append(option.key).append(" = ")), std::string::npos)
        << option.key;
  }
}

TEST(Config, RefusesValuesOutOfRange) {
  EXPECT_EQ(said("batch-size", "0"), "--batch-size 0: must be a whole number from 1 to 65536.");
  EXPECT_EQ(said("batch-size", "many"), "--batch-size many: must be a whole number from 1 to 65536.");
  EXPECT_EQ(said("epochs", "-1"), "--epochs -1: must be a whole number from 1 to 1000000.");
  EXPECT_EQ(said("epochs", "1.5"), "--epochs 1.5: must be a whole number from 1 to 1000000.");
  EXPECT_EQ(said("max-steps", "0"), "--max-steps 0: must be a whole number, 1 or more.");
  EXPECT_EQ(said("limit-train", "x"), "--limit-train x: must be a whole number, 1 or more.");
  for (const char* rate : {"nan", "inf", "0", "-1", "1e9", "fast"})
    EXPECT_EQ(said("lr", rate), std::string("--lr ") + rate + ": must be a number above 0, at most 1000.");
  EXPECT_EQ(said("seed", "-1"), "--seed -1: must be a whole number, 0 or more.");
  EXPECT_EQ(said("threads", "0"), "--threads 0: must be a whole number from 1 to 1024.");
  EXPECT_EQ(said("quiet", "maybe"), "--quiet maybe: must be true or false.");
  EXPECT_EQ(said({{"lr", {"1", "2"}}}), "--lr is given 2 times. Give it once.");
}

TEST(Config, NamesTheNearestRightName) {
  EXPECT_EQ(said("model", "resnet"), "--model resnet: unknown model. Did you mean 'resnet8'?");
  EXPECT_EQ(said("model", "lenett"), "--model lenett: unknown model. Did you mean 'lenet'?");
  EXPECT_EQ(said("backend", "quantum"),
            "--backend quantum: unknown backend. There are auto, cpu, cuda and cuda-emulated.");
  EXPECT_EQ(said("optimizer", "adam"), "--optimizer adam: unknown optimizer. Did you mean 'adamw'?");
  EXPECT_EQ(said("batchsize", "3"), "--batchsize: there is no such option. Did you mean 'batch-size'?");
  EXPECT_EQ(said("schedule", "cosin"), "--schedule cosin: unknown schedule 'cosin'. Did you mean 'cosine'?");
  EXPECT_EQ(said("sync", "lag:-1"),
            "--sync lag:-1: 'lag:-1' is no synchrony: say relaxed, lockstep, or lag:K with K from 0 to 1024.");
  EXPECT_EQ(said("callback", "a:b"), "--callback a:b: 'b' in 'a:b' isn't an option. Write key=value.");
}

TEST(Config, NothingIsNoneOrAuto) {
  RunConfig config = unusual();
  apply(config, {{"max-steps", {"none"}}, {"limit-train", {"none"}}, {"threads", {"auto"}}}, "--");
  EXPECT_EQ(config.max_steps, std::nullopt);
  EXPECT_EQ(config.limit_train, std::nullopt);
  EXPECT_EQ(config.threads, std::nullopt);
}

class ConfigFile : public testing::Test {
 protected:
  std::string said(const std::string& text) {
    write_text(folder_ / "run.toml", text);
    const std::string found = complaint<ConfigError>([&] { read_config_file(folder_ / "run.toml"); });
    const std::string prefix = (folder_ / "run.toml").string();
    EXPECT_TRUE(found.empty() || found.starts_with(prefix)) << found;
    return found.empty() ? found : found.substr(prefix.size());
  }

  ScratchFolder folder_;
};

TEST_F(ConfigFile, TakesKeysWithUnderlinesAndCallbacksAsTables) {
  write_text(folder_ / "run.toml", R"(
batch_size = 64
lr = 1
[[callback]]
name = "early_stopping"
patience = 5
restore_best_weights = true
)");
  RunConfig config;
  apply(config, read_config_file(folder_ / "run.toml"), "");
  EXPECT_EQ(config.batch_size, 64);
  EXPECT_EQ(config.lr, 1.0);
  ASSERT_EQ(config.callbacks.size(), 1U);
  EXPECT_EQ(config.callbacks[0].name, "early_stopping");
  EXPECT_EQ(*config.callbacks[0].find("patience"), "5");
  EXPECT_EQ(*config.callbacks[0].find("restore_best_weights"), "true");
}

TEST_F(ConfigFile, NamesLineAndMend) {
  EXPECT_EQ(said("\nbatchsize = 3\n"), ", line 2: there is no option 'batchsize'. Did you mean 'batch-size'?");
  EXPECT_EQ(said("batch-size = 0\n"), ", line 1: batch-size = 0: must be a whole number from 1 to 65536.");
  EXPECT_EQ(said("batch-size = \"3\"\n"), ", line 1: batch-size must be a whole number.");
  EXPECT_EQ(said("epochs = 1.5\n"), ", line 1: epochs must be a whole number.");
  EXPECT_EQ(said("lr = nan\n"), ", line 1: lr = nan: must be a number above 0, at most 1000.");
  EXPECT_EQ(said("model = 3\n"), ", line 1: model must be a text in quotes.");
  EXPECT_EQ(said("quiet = 1\n"), ", line 1: quiet must be true or false.");
  const std::string list = "callback must be a list of texts, as in [\"early_stopping:patience=5\"].";
  EXPECT_EQ(said("callback = \"progress\"\n"), ", line 1: " + list);
  EXPECT_EQ(said("callback = [\n  1\n]\n"), ", line 2: " + list);
  EXPECT_TRUE(said("epochs = = 3\n").starts_with(", line 1, column ")) << said("epochs = = 3\n");
  EXPECT_TRUE(said("epochs = 1\nepochs = 2\n").find("isn't TOML") != std::string::npos);
  EXPECT_EQ(complaint<ConfigError>([] { read_config_file("no/run.toml"); }),
            "no/run.toml: there is no such file. Name a config.toml.");
}

TEST_F(ConfigFile, TakesTheWordsThatTheHelpOffers) {
  write_text(folder_ / "run.toml", "threads = \"auto\"\nmax-steps = \"none\"\nlimit-train = \"none\"\n");
  RunConfig config = unusual();
  apply(config, read_config_file(folder_ / "run.toml"), "");
  EXPECT_EQ(config.threads, std::nullopt);
  EXPECT_EQ(config.max_steps, std::nullopt);
  EXPECT_EQ(config.limit_train, std::nullopt);
  EXPECT_EQ(said("epochs = \"none\"\n"), ", line 1: epochs = none: must be a whole number from 1 to 1000000.");
  EXPECT_EQ(said("threads = \"none\"\n"), ", line 1: threads = none: must be a whole number from 1 to 1024.");
}

TEST_F(ConfigFile, GivesAnOptionOnce) {
  for (const char* text : {"batch-size = 31\nbatch_size = 40\n", "batch_size = 40\nbatch-size = 31\n"})
    EXPECT_NE(said(text).find("batch-size is given twice, with '-' and with '_'. Leave one out."), std::string::npos)
        << said(text);
}

TEST_F(ConfigFile, SendsWhatIsAboutTheCallToTheCommandLine) {
  for (const char* key : {"out", "resume", "record", "no-record", "no-share", "config"})
    EXPECT_EQ(said(std::string("\n") + key + " = true\n"),
              std::string(", line 2: '") + key + "' belongs on the command line: --" + key + ".");
  EXPECT_EQ(said("no_share = true\n"), ", line 1: 'no-share' belongs on the command line: --no-share.");
}

TEST_F(ConfigFile, SaysWhereAWrongCallbackStands) {
  EXPECT_EQ(said("callback = [\n  \"progress\",\n  \"early_stoping\",\n]\n"),
            ", line 3: callback 'early_stoping' is unknown. Did you mean 'early_stopping'? `sidestep callbacks` lists "
            "all.");
  EXPECT_EQ(said("[[callback]]\nname = \"early_stopping\"\npatience = -1\n"),
            ", line 1: callback early_stopping: patience=-1 is out of range. Say a whole number from 0.");
  EXPECT_EQ(said("callback = [\"a:b\"]"), ", line 1: 'b' in 'a:b' isn't an option. Write key=value.");
}

TEST_F(ConfigFile, NeverCrashesOnACutOrChangedFile) {
  const std::string whole = config_text(unusual());
  for (std::size_t place = 0; place < whole.size(); place += 3) {
    said(whole.substr(0, place));
    std::string changed = whole;
    changed[place] = static_cast<char>(changed[place] ^ 0x15);
    said(changed);
  }
}

class Resuming : public testing::Test {
 protected:
  Resuming() {
    stored_.callbacks = {parse_spec("early_stopping:patience=3")};
    stored_.quiet = true;
    pin_schedule(stored_);
  }
  RunConfig resumed(const GivenOptions& given) const { return resumed_config(stored_, given, "runs/a"); }
  std::string said(const GivenOptions& given) const {
    return complaint<ConfigError>([&] { resumed(given); });
  }

  RunConfig stored_;
};

TEST_F(Resuming, KeepsTheScheduleAsFirstAskedFor) {
  const RunConfig longer = resumed({{"epochs", {"50"}}});
  EXPECT_EQ(longer.epochs, 50);
  EXPECT_EQ(longer.schedule.text(), "cosine:epochs=5");
  EXPECT_EQ(said({{"schedule", {"cosine"}}}), "");
  EXPECT_NE(said({{"schedule", {"cosine:epochs=50"}}}), "");
}

TEST_F(Resuming, AutoIsTheBackendThatTheRunHas) {
  stored_.backend = "cpu";
  EXPECT_EQ(resumed({{"backend", {"auto"}}}).backend, "cpu");
  EXPECT_NE(said({{"backend", {"cuda"}}}), "");
}

TEST_F(Resuming, LetsSixOptionsDiffer) {
  const RunConfig changed = resumed(
      {{"epochs", {"9"}}, {"max-steps", {"10"}}, {"threads", {"1"}}, {"sync", {"relaxed"}}, {"data", {"elsewhere"}}});
  EXPECT_EQ(changed.epochs, 9);
  EXPECT_EQ(changed.max_steps, 10);
  EXPECT_EQ(changed.threads, 1);
  EXPECT_EQ(changed.sync, relaxed);
  EXPECT_EQ(changed.data, "elsewhere");
  EXPECT_FALSE(changed.quiet);
  EXPECT_TRUE(resumed({{"quiet", {"true"}}}).quiet);
}

TEST_F(Resuming, NamesTheOptionThatMustNotDiffer) {
  EXPECT_EQ(
      said({{"lr", {"0.1"}}}),
      "--lr 0.1: the run in runs/a began with 0.002, and only --epochs, --max-steps, --threads, --sync, --data and "
      "--quiet may change on resuming. Leave --lr out, or begin a new run.");
  EXPECT_EQ(said({{"lr", {"2e-3"}}, {"model", {"lenet"}}}), "");
  EXPECT_EQ(said({{"callback", {"early_stopping:patience=3"}}}), "");
  EXPECT_TRUE(said({{"callback", {"progress"}}})
                  .starts_with("--callback progress: the run in runs/a began with early_stopping:patience=3, "));
  for (const ConfigOption& option : config_options()) {
    const std::vector<std::string> other = option.get(unusual());
    EXPECT_EQ(said({{std::string(option.key), other}}).empty(), option.may_differ) << option.key;
  }
}

TEST_F(Resuming, SaysWhichCallbacksTheRunBeganWith) {
  stored_.callbacks.clear();
  EXPECT_TRUE(said({{"callback", {"progress"}}})
                  .starts_with("--callback progress: the run in runs/a began with the default callbacks alone, "));
  stored_.no_default_callbacks = true;
  EXPECT_TRUE(
      said({{"callback", {"progress"}}}).starts_with("--callback progress: the run in runs/a began with none, "));
}

}  // namespace
}  // namespace sidestep
