#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include <scratch_folder.hpp>
#include <sidestep/trainer/control/atomic_file.hpp>

namespace sidestep {
namespace {

using test::complaint;
using test::read_text;
using test::ScratchFolder;
using test::write_text;
using Names = std::vector<std::string>;

ino_t inode(const std::filesystem::path& path) {
  struct stat found {};
  EXPECT_EQ(::stat(path.c_str(), &found), 0) << path;
  return found.st_ino;
}

TEST(AtomicFile, IsInvisibleUntilCommitted) {
  const ScratchFolder folder;
  write_text(folder / "report.json", "old");
  AtomicFile file(folder / "report.json");
  file.write("new ");
  file.write("text");
  EXPECT_EQ(read_text(folder / "report.json"), "old");
  file.commit();
  EXPECT_EQ(read_text(folder / "report.json"), "new text");
  EXPECT_EQ(folder.names(), Names{"report.json"});
}

TEST(AtomicFile, LeavesNothingWhenNotCommitted) {
  const ScratchFolder folder;
  write_text(folder / "report.json", "old");
  {
    AtomicFile file(folder / "report.json");
    file.write("half");
    const AtomicFile moved(std::move(file));
    EXPECT_EQ(folder.names().size(), 2U);
  }
  EXPECT_EQ(folder.names(), Names{"report.json"});
  EXPECT_EQ(read_text(folder / "report.json"), "old");
}

TEST(AtomicFile, TakesWhatSomebodyElseWroteToTheTemporaryName) {
  const ScratchFolder folder;
  AtomicFile file(folder / "last.ckpt");
  write_text(folder / "theirs", "by another library");
  std::filesystem::rename(folder / "theirs", file.temporary());
  file.commit();
  EXPECT_EQ(read_text(folder / "last.ckpt"), "by another library");
}

TEST(AtomicFile, GivesTheSameBytesSeveralNamesAndTheTargetLast) {
  const ScratchFolder folder;
  write_text(folder / "best", "old");
  AtomicFile file(folder / "last");
  file.write("weights");
  const std::array<std::filesystem::path, 2> also{folder / "best", folder / "top-1"};
  file.commit(also);
  EXPECT_EQ(folder.names(), (Names{"best", "last", "top-1"}));
  for (const char* name : {"best", "last", "top-1"}) EXPECT_EQ(read_text(folder / name), "weights") << name;
  EXPECT_EQ(inode(folder / "best"), inode(folder / "last"));

  // and a name that is replaced later doesn't change the others
  write_file_atomically(folder / "last", "younger");
  EXPECT_EQ(read_text(folder / "best"), "weights");
}

TEST(AtomicFile, WhenAnEarlierNameFailsTheTargetIsAsItWas) {
  const ScratchFolder folder;
  write_text(folder / "last", "old");
  std::filesystem::create_directory(folder / "best");
  std::string said;
  {
    AtomicFile file(folder / "last");
    file.write("new");
    const std::array<std::filesystem::path, 1> also{folder / "best"};
    said = complaint<FileError>([&] { file.commit(also); });
  }
  EXPECT_NE(said.find("best"), std::string::npos) << said;
  EXPECT_EQ(read_text(folder / "last"), "old");
  EXPECT_EQ(folder.names(), (Names{"best", "last"}));
}

TEST(AtomicFile, SaysWhatWhereAndTheMend) {
  const ScratchFolder folder;
  const std::string said = complaint<FileError>([&] { write_file_atomically(folder / "missing/report.json", "text"); });
  EXPECT_EQ(said,
            (folder / "missing/report.json").string() +
                ": cannot be written: No such file or directory. Check the path: each folder on the way must exist.");
}

TEST(AtomicFile, NamesAFullDisk) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  try {
    const std::array<std::byte, 8> bytes{};
    detail::write_all(full, bytes, "runs/a/report.json");
    ADD_FAILURE() << "a full disk took the bytes";
  } catch (const FileError& error) {
    EXPECT_TRUE(error.disk_full());
    EXPECT_STREQ(
        error.what(),
        "runs/a/report.json: cannot be written: the disk is full (no space left on device). Free some space there, "
        "or choose another folder.");
  }
  ::close(full);
}

TEST(AtomicFile, SaysWhatHappenedAndWhatHelpsAgainstIt) {
  const auto said = [](int code) { return std::string(FileError("x", "be written", code).what()); };
  EXPECT_EQ(said(EPIPE),
            "x: cannot be written: Broken pipe. Nobody reads it any more: let the reader stay to the end, or write to "
            "a file.");
  EXPECT_EQ(said(ENAMETOOLONG), "x: cannot be written: File name too long. Choose a shorter name.");
  EXPECT_EQ(
      said(EEXIST),
      "x: cannot be written: File exists. Something of this name is in the way: move it away, or choose another name.");
  for (int code = 1; code < 132; ++code)  // nothing but the disk's own errors speaks of it
    EXPECT_EQ(said(code).find("Check the disk") != std::string::npos, code == EIO || code == ESTALE) << said(code);
}

TEST(AtomicFile, SaysWhyANameThatIsTooLongCannotBe) {
  const ScratchFolder folder;
  const std::string name(300, 'x');
  EXPECT_EQ(complaint<FileError>([&] { write_file_atomically(folder / name, "text"); }),
            (folder / name).string() + ": cannot be written: File name too long. Choose a shorter name.");
}

// In a child process, since the limit is the whole process's: the third kilobyte can't be written any more.
TEST(AtomicFile, AWriteThatFailsHalfwayLeavesTheOldFile) {
  const ScratchFolder folder;
  write_text(folder / "report.json", "old");
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{2048, 2048};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_file_atomically(folder / "report.json", std::string(5000, 'x'));
      ::_exit(1);
    } catch (const FileError& error) {
      ::_exit(error.code() == EFBIG ? 0 : 2);
    }
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(read_text(folder / "report.json"), "old");
  EXPECT_EQ(folder.names(), Names{"report.json"});
}

TEST(ShareFile, MakesTwoNamesOfOneFile) {
  const ScratchFolder folder;
  write_text(folder / "last", "weights");
  write_text(folder / "best", "old");
  share_file(folder / "last", folder / "best");
  EXPECT_EQ(inode(folder / "last"), inode(folder / "best"));
  share_file(folder / "last", folder / "best");  // a rename onto itself, which leaves its source alone
  EXPECT_EQ(folder.names(), (Names{"best", "last"}));
}

TEST(ShareFile, CopiesWhereALinkIsImpossible) {
  const ScratchFolder folder;
  const std::filesystem::path memory = "/dev/shm";
  struct stat here {
  }, there{};
  if (::stat(folder.path().c_str(), &here) != 0 || ::stat(memory.c_str(), &there) != 0 || here.st_dev == there.st_dev)
    GTEST_SKIP() << "needs a second file system";
  write_text(folder / "last", std::string(200'000, 'w'));
  const std::filesystem::path copy = memory / folder.path().filename();
  share_file(folder / "last", copy);
  EXPECT_EQ(read_text(copy), read_text(folder / "last"));
  std::filesystem::remove(copy);
}

TEST(RemoveStaleTemporaries, TakesOnlyOurOwn) {
  const ScratchFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    AtomicFile file(folder / "last");
    file.write("half");
    ::_exit(0);  // as if killed: no destructor runs
  }
  ::waitpid(child, nullptr, 0);
  write_text(folder / "report.json", "");
  write_text(folder / ".sidestep-tmp-notes", "a user's");
  write_text(folder / "x.sidestep-tmp-1-2", "a user's");
  EXPECT_EQ(folder.names().size(), 4U);
  EXPECT_EQ(remove_stale_temporaries(folder.path()), 1U);
  EXPECT_EQ(folder.names(), (Names{".sidestep-tmp-notes", "report.json", "x.sidestep-tmp-1-2"}));
  EXPECT_NE(complaint<FileError>([&] { remove_stale_temporaries(folder / "none"); }), "");
}

}  // namespace
}  // namespace sidestep
