#include "scratch_folder.hpp"

#include <sidestep/trainer/callbacks/error.hpp>
#include <sidestep/trainer/callbacks/row_file.hpp>
#include <sidestep/trainer/control/atomic_file.hpp>

#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <vector>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {
std::vector<std::string> synced;  // what was given to fsync, by name
}

/// Stands before the C library's.
extern "C" int fsync(int descriptor) {
  char name[4096];
  const ssize_t length = ::readlink(("/proc/self/fd/" + std::to_string(descriptor)).c_str(), name, sizeof name);
  if (length > 0) synced.emplace_back(name, static_cast<std::size_t>(length));
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

namespace sidestep::test {
namespace {

TEST(RowFile, ANewOnesNameIsOnTheDisk) {
  ScratchFolder folder;
  for (const auto how : {RowFile::Open::fresh, RowFile::Open::keep}) {
    const auto file = folder / (how == RowFile::Open::fresh ? "a" : "b");
    synced.clear();
    { RowFile(file, how).append("row"); }
    EXPECT_EQ(synced, std::vector<std::string>{folder.path()});
    synced.clear();
    { RowFile there(file, how); }
    EXPECT_TRUE(synced.empty());
  }
}

TEST(RowFile, IsCutBackWithTheNextRowAndNotBefore) {
  ScratchFolder folder;
  write_text(folder / "a", "one\ntwo\nthree\n");
  {
    RowFile file(folder / "a", RowFile::Open::keep);
    file.cut(1);
    file.flush();
    EXPECT_EQ(file.lines(), 1u);
  }
  EXPECT_EQ(read_text(folder / "a"), "one\ntwo\nthree\n") << "the run didn't begin";
  RowFile file(folder / "a", RowFile::Open::keep);
  file.cut(1);
  file.sync();
  EXPECT_EQ(read_text(folder / "a"), "one\n") << "a checkpoint says so";
}

TEST(RowFile, BeginsAnewOrGoesOn) {
  ScratchFolder folder;
  write_text(folder / "a", "old\n");
  {
    RowFile file(folder / "a", RowFile::Open::keep);
    EXPECT_EQ(file.lines(), 1u);
    EXPECT_EQ(file.first_line(), "old");
    file.append("new");
    EXPECT_EQ(file.lines(), 2u);
    EXPECT_EQ(read_text(folder / "a"), "old\n");  // it waits
    file.sync();
    EXPECT_EQ(read_text(folder / "a"), "old\nnew\n");
  }
  { const RowFile refused(folder / "a", RowFile::Open::fresh), made(folder / "b", RowFile::Open::fresh); }
  EXPECT_EQ(read_text(folder / "a"), "old\nnew\n") << "the run didn't begin";
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a"});
  RowFile file(folder / "a", RowFile::Open::fresh);
  EXPECT_EQ(file.lines(), 0u);
  EXPECT_EQ(file.first_line(), "");
  file.append("first"), file.flush();
  EXPECT_EQ(read_text(folder / "a"), "first\n");
}

TEST(RowFile, OneThatItMadeAndNobodyWroteToIsGoneAgain) {
  ScratchFolder folder;
  std::filesystem::create_symlink("target", folder / "link");
  for (const auto how : {RowFile::Open::fresh, RowFile::Open::keep}) {
    { const RowFile refused(folder / "a", how), behind(folder / "link", how); }
    EXPECT_EQ(folder.names(), std::vector<std::string>{"link"});
  }
  { RowFile(folder / "link", RowFile::Open::keep).append("row"); }
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"link", "target"}));
}

TEST(RowFile, IsCutBackAtEachLine) {
  for (std::uint64_t lines = 0; lines <= 3; ++lines) {
    ScratchFolder folder;
    write_text(folder / "a", "one\ntwo\nthree\nfo");  // killed while it wrote
    RowFile file(folder / "a", RowFile::Open::keep);
    file.cut(lines);
    file.append("next");
    file.flush();
    const std::string whole[] = {"", "one\n", "one\ntwo\n", "one\ntwo\nthree\n"};
    EXPECT_EQ(read_text(folder / "a"), whole[lines] + "next\n");
    EXPECT_EQ(file.lines(), lines + 1);
  }
}

TEST(RowFile, WithFewerRowsThanTheCheckpointNamesBothNumbersAndTouchesNothing) {
  ScratchFolder folder;
  write_text(folder / "a", "epoch\n1\n2\nto");
  RowFile file(folder / "a", RowFile::Open::keep);
  const std::string said = complaint<CallbackError>([&] { file.cut(6, 1); });
  EXPECT_NE(said.find("it has 2 rows, and the checkpoint was written when it had 5."), std::string::npos) << said;
  EXPECT_EQ(read_text(folder / "a"), "epoch\n1\n2\nto");
}

TEST(RowFile, ATornLineIsEndedBeforeTheNext) {
  ScratchFolder folder;
  write_text(folder / "a", "one\ntw");
  RowFile file(folder / "a", RowFile::Open::keep);
  file.append("three");
  file.flush();
  EXPECT_EQ(read_text(folder / "a"), "one\ntw\nthree\n");
}

TEST(RowFile, AFullDiskIsSaidAndLeavesWholeLines) {
  RowFile full("/dev/full", RowFile::Open::fresh);
  full.append("a");
  const std::string said = complaint<FileError>([&] { full.flush(); });
  EXPECT_NE(said.find("/dev/full"), std::string::npos);
  EXPECT_NE(said.find("the disk is full"), std::string::npos) << said;

  // a file that may not grow beyond 10 bytes stands for a disk on which a row fits only in part
  ScratchFolder folder;
  RowFile file(folder / "a", RowFile::Open::fresh);
  file.append("12345");
  file.flush();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{.rlim_cur = 10, .rlim_max = before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  file.append("67890");
  EXPECT_THROW(file.flush(), FileError);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(read_text(folder / "a"), "12345\n");
}

TEST(RowFile, AFolderThatIsNotThereIsNamed) {
  const std::string said = complaint<FileError>([] { RowFile("/nowhere/at/all", RowFile::Open::fresh); });
  EXPECT_NE(said.find("/nowhere/at/all"), std::string::npos);
}

}  // namespace
}  // namespace sidestep::test
