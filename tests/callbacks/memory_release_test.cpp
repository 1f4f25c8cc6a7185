#include "callbacks/fake_run.hpp"
#include "scratch_folder.hpp"

#include <sidestep/trainer/callbacks/error.hpp>
#include <sidestep/trainer/callbacks/memory_release.hpp>

#include <gtest/gtest.h>

namespace sidestep::test {
namespace {

TEST(MemoryRelease, AsksAtEveryNthEpoch) {
  FakeRun run{.callbacks = {memory_release({.every_n_epochs = 2})}};
  run.go();
  EXPECT_EQ(run.table(), "release_memory memory_release 10->10\nrelease_memory memory_release 20->20\n");
}

TEST(MemoryRelease, AsksEveryNBatches) {
  FakeRun run{.callbacks = {memory_release({.at = batches(8)})}};
  run.go();
  EXPECT_EQ(run.table(), "release_memory memory_release 8->10\nrelease_memory memory_release 16->18\n");
}

TEST(MemoryRelease, RefusesWhatCannotBe) {
  EXPECT_NE(complaint<CallbackError>([] { memory_release({.every_n_epochs = 0}); }), "");
  EXPECT_NE(complaint<CallbackError>([] { memory_release({.at = batches(-1)}); }), "");
}

}  // namespace
}  // namespace sidestep::test
