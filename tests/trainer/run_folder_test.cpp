#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include <scratch_folder.hpp>
#include <sidestep/trainer/control/atomic_file.hpp>
#include <sidestep/trainer/run_folder.hpp>

namespace sidestep {
namespace {

namespace fs = std::filesystem;
using namespace test;

/// Each test stands in an empty folder of its own.
class RunFolders : public testing::Test {
 protected:
  RunFolders() { fs::current_path(folder_.path()); }
  ~RunFolders() override { fs::current_path(before_); }

  static void begin_run(const fs::path& path) {
    RunFolder folder = RunFolder::create(path);
    folder.store({});
    folder.keep();
  }
  static std::string creating(const std::optional<fs::path>& path) {
    return complaint<RunFolderError>([&] { RunFolder::create(path); });
  }
  static std::string resuming(const std::optional<fs::path>& path) {
    return complaint<RunFolderError>([&] { RunFolder::resume(path); });
  }

  fs::path before_ = fs::current_path();
  ScratchFolder folder_;
};

TEST_F(RunFolders, StaysOnceTheRunHasBegun) {
  begin_run("deep/runs/a/");
  EXPECT_TRUE(fs::is_regular_file("deep/runs/a/config.toml"));
  EXPECT_TRUE(fs::is_directory("deep/runs/a/checkpoints"));
}

TEST_F(RunFolders, LeavesNoTraceWhenTheRunNeverBegan) {
  {
    RunFolder folder = RunFolder::create("deep/runs/a");
    folder.store({});
    EXPECT_TRUE(fs::exists("deep/runs/a/config.toml"));
  }
  EXPECT_TRUE(folder_.names().empty());

  fs::create_directory("deep");
  write_text("deep/mine", "");
  { const RunFolder folder = RunFolder::create("deep/runs/a"); }
  EXPECT_EQ(folder_.names(), std::vector<std::string>{"deep"});
  EXPECT_FALSE(fs::exists("deep/runs"));
  EXPECT_TRUE(fs::exists("deep/mine"));
}

TEST_F(RunFolders, AResumedOneGetsItsOptionsBackWhenTheRunNeverWentOn) {
  begin_run("a");
  const std::string before = read_text("a/config.toml");
  for (const bool goes_on : {false, true}) {
    {
      RunFolder folder = RunFolder::resume("a");
      RunConfig longer = folder.stored_config();
      longer.epochs = 77;
      folder.store(longer);
      if (goes_on) folder.keep();
      EXPECT_NE(read_text("a/config.toml"), before);
    }
    EXPECT_EQ(read_text("a/config.toml") == before, !goes_on);
  }
}

TEST_F(RunFolders, LeavesOuterFoldersThatSomebodyElseUses) {
  {
    const RunFolder folder = RunFolder::create("runs/a");
    begin_run("runs/b");
  }
  EXPECT_FALSE(fs::exists("runs/a"));
  EXPECT_TRUE(fs::exists("runs/b/config.toml"));
}

TEST_F(RunFolders, HaveTheTimeAsTheirNameAndNeverTheSame) {
  for (int i = 0; i < 3; ++i) {
    RunFolder folder = RunFolder::create({});
    EXPECT_EQ(folder.path().parent_path(), "runs");
    EXPECT_GE(folder.path().filename().string().size(), std::string("2026-01-31_12-00-00").size());
    folder.keep();
  }
  EXPECT_EQ(std::distance(fs::directory_iterator("runs"), fs::directory_iterator()), 3);
}

TEST_F(RunFolders, RefuseWhatExistsAndLeaveItUntouched) {
  begin_run("a");
  EXPECT_EQ(creating("a"), "a: holds a run already. Go on with it with --resume, or choose another folder with --out.");
  EXPECT_EQ(creating("a/"), creating("a"));
  EXPECT_EQ(creating("b/../a"), creating("a"));
  fs::create_directory("empty");
  write_text("file", "mine");
  fs::create_symlink("nowhere", "link");
  for (const char* name : {"empty", "file", "link"})
    EXPECT_EQ(creating(name), name + std::string(": exists already. Choose another folder with --out."));
  EXPECT_EQ(creating(""), "--out: is empty. Name a folder.");
  EXPECT_EQ(read_text("file"), "mine");
  EXPECT_EQ(folder_.names(), (std::vector<std::string>{"a", "empty", "file", "link"}));
}

TEST_F(RunFolders, SayWhyTheyCannotBeMade) {
  write_text("file", "");
  EXPECT_EQ(complaint<FileError>([] { RunFolder::create("file/a"); }),
            "file/a: cannot be made: Not a directory. Check the path: each folder on the way must exist.");
}

TEST_F(RunFolders, ResumeTheNamedOrTheNewest) {
  begin_run("runs/a");
  begin_run("runs/b");
  fs::create_directory("runs/zzz");  // not a run
  fs::last_write_time("runs/a/config.toml", fs::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_EQ(RunFolder::resume({}).path(), "runs/a");
  EXPECT_EQ(RunFolder::resume("runs/b/").path(), "runs/b");
  EXPECT_TRUE(fs::exists("runs/a/config.toml"));
}

TEST_F(RunFolders, KeepTheOptionsOfTheRun) {
  RunConfig config;
  config.epochs = 17;
  {
    RunFolder folder = RunFolder::create("a");
    folder.store(config);
    folder.keep();
  }
  EXPECT_EQ(RunFolder::resume("a").stored_config(), config);
  write_text("a/config.toml", "epochs = 0");
  EXPECT_EQ(complaint<ConfigError>([] { RunFolder::resume("a").stored_config(); }),
            "a/config.toml, line 1: epochs = 0: must be a whole number from 1 to 1000000.");
}

TEST_F(RunFolders, RefuseAConfigThatHasLostAnOption) {
  begin_run("a");
  const std::string whole = read_text("a/config.toml");
  for (const char* key : {"lr", "schedule", "callback", "quiet"}) {
    const std::size_t begin = whole.find(std::string("\n") + key + " = ") + 1;
    write_text("a/config.toml", whole.substr(0, begin) + whole.substr(whole.find('\n', begin) + 1));
    EXPECT_EQ(complaint<ConfigError>([] { RunFolder::resume("a"); }),
              std::string("a/config.toml: has no '") + key +
                  "', which the run began with. Put it back as it was, or begin a new run.");
  }
  write_text("a/config.toml", "");
  EXPECT_TRUE(complaint<ConfigError>([] { RunFolder::resume("a"); }).starts_with("a/config.toml: has no 'model', "));
  write_text("a/config.toml", whole);  // what has no value there was never written
  EXPECT_EQ(complaint<ConfigError>([] { RunFolder::resume("a"); }), "");
}

TEST_F(RunFolders, SayWhatCannotBeResumed) {
  EXPECT_EQ(resuming({}), "runs: there is no run to resume. Begin one without --resume, or name one with --out.");
  fs::create_directories("runs/empty");
  EXPECT_EQ(resuming({}), "runs: there is no run to resume. Begin one without --resume, or name one with --out.");
  EXPECT_EQ(resuming("none"), "none: there is no such run. Name the folder of one with --out.");
  EXPECT_EQ(resuming("runs/empty"),
            "runs/empty: isn't a run of Sidestep: it has no config.toml of one. Name the folder of one with --out.");
  EXPECT_TRUE(fs::is_empty("runs/empty"));
  fs::create_directory("site");
  write_text("site/config.toml", "epochs = 1\n");  // somebody else's, whatever it says
  EXPECT_EQ(resuming("site"),
            "site: isn't a run of Sidestep: it has no config.toml of one. Name the folder of one with --out.");
  begin_run("a");
  fs::remove("a/checkpoints");
  write_text("a/.report.json.sidestep-tmp-77-1", "half");
  write_text("a/config.toml", std::string(config_first_line) + "\nbaseURL = \"x\"\n");
  EXPECT_THROW(RunFolder::resume("a"), ConfigError);
  EXPECT_FALSE(fs::exists("a/checkpoints"));  // nothing was done to it before it was understood
  EXPECT_TRUE(fs::exists("a/.report.json.sidestep-tmp-77-1"));
}

// A folder in which nobody can make a file, root neither.
constexpr const char* closed_to_all = "/sys/kernel";

TEST_F(RunFolders, WhoseCheckpointsCannotBeWrittenAreRefusedUntouched) {
  begin_run("a");
  fs::remove("a/checkpoints");
  write_text("a/.report.json.sidestep-tmp-77-1", "half");
  write_text("a/checkpoints", "mine");
  EXPECT_EQ(complaint<FileError>([] { RunFolder::resume("a"); }),
            "a/checkpoints: cannot be made: File exists. Something of this name is in the way: move it away, or choose "
            "another name.");
  EXPECT_EQ(read_text("a/checkpoints"), "mine");
  fs::remove("a/checkpoints");
  fs::remove("a/report.json");
  fs::create_directory("a/report.json");
  EXPECT_EQ(
      complaint<FileError>([] { RunFolder::resume("a"); }),
      "a/report.json: cannot be written: Is a directory. A folder is in the way: remove it, or choose another name.");
  fs::remove("a/report.json");
  fs::create_directory_symlink(closed_to_all, "a/checkpoints");
  if (!fs::is_directory("a/checkpoints")) GTEST_SKIP() << "there is no " << closed_to_all;
  EXPECT_TRUE(
      complaint<FileError>([] { RunFolder::resume("a"); }).starts_with("a/checkpoints: cannot be written to: "));
  EXPECT_EQ(read_text("a/.report.json.sidestep-tmp-77-1"), "half");
}

TEST_F(RunFolders, AResumedOneThatNeverWentOnHasNoFolderMore) {
  begin_run("a");
  fs::remove("a/checkpoints");
  { const RunFolder folder = RunFolder::resume("a"); }
  EXPECT_FALSE(fs::exists("a/checkpoints"));
  RunFolder::resume("a").keep();
  EXPECT_TRUE(fs::is_directory("a/checkpoints"));
}

TEST_F(RunFolders, RemoveWhatAKilledWriterLeft) {
  begin_run("a");
  write_text("a/.report.json.sidestep-tmp-77-1", "half");
  write_text("a/checkpoints/.last.safetensors.sidestep-tmp-77-2", "half");
  RunFolder::resume("a");
  EXPECT_FALSE(fs::exists("a/.report.json.sidestep-tmp-77-1"));
  EXPECT_TRUE(fs::is_empty("a/checkpoints"));
}

TEST_F(RunFolders, BelongToOneProcessAtATime) {
  begin_run("a");
  const RunFolder mine = RunFolder::resume("a");
  const pid_t child = ::fork();
  if (child == 0) ::_exit(resuming("a").empty() ? 1 : 0);
  int status = 1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(resuming("a"), "a: another process is at work on this run. Wait for its end, or end it.");
}

}  // namespace
}  // namespace sidestep
