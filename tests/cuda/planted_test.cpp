// Faults that are switched on in the backend's own sources, and the tool that must find each. A test is red when the
// fault isn't found. Each runs in a process of its own, since the tool ends it.
#include <sys/wait.h>

#include <cstdlib>

#include <sidestep/kernels/cuda/block_size.hpp>

#include "session_support.hpp"

#if defined(__SANITIZE_THREAD__)
#define SIDESTEP_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SIDESTEP_TSAN 1
#endif
#endif

namespace sidestep::kernels::cuda::test {
namespace {

[[maybe_unused]] constexpr int race_found = 66;  ///< ThreadSanitizer's exit code

std::uint64_t seeds() {
  const char* said = std::getenv("SIDESTEP_TEST_SEEDS");
  return said ? std::strtoull(said, nullptr, 10) : 3;
}

/// A short training run with snapshots, with a fault planted ("" for none). A race between streams is some thousand
/// accesses apart, and ThreadSanitizer forgets it where too many threads come in between: so the blocks are small
/// there.
[[noreturn]] void train(const std::string& fault, std::uint64_t seed) {
  largest_block = fault == "snapshot_no_wait" ? 32 : 96;
  emulation::set_seed(seed);
  if (!fault.empty()) emulation::faults().planted.insert(fault);
  const auto spec = perceptron();
  const Images images(spec, 100, 2);
  {
    const auto session = make(spec);
    const DataId data = session->attach(images.view);
    std::unique_ptr<Snapshot> copy;
    std::vector<float> values(session->tensors()[0].size);
    for (std::uint64_t number = 1; number <= 9; ++number) {
      session->submit(data, range(static_cast<std::uint32_t>(number), 20), {.step = number});
      if (number == 1) static_cast<void>(session->wait());
      if (number % 3 == 0) copy = session->snapshot(Contents::everything, std::move(copy));
      if (number > 2) static_cast<void>(session->wait());
    }
    session->read(*copy, 0, values);
    while (session->in_flight() > 0) static_cast<void>(session->wait());
  }
  std::exit(0);
}

/// A graph that goes on although its memory was given back.
[[noreturn]] void replay_after_release(const std::string& fault, std::uint64_t seed) {
  emulation::set_seed(seed);
  if (!fault.empty()) emulation::faults().planted.insert(fault);
  const auto spec = perceptron();
  const Images images(spec, 100, 2);
  const auto session = make(spec);
  const DataId data = session->attach(images.view);
  static_cast<void>(step(*session, data, range(0, 20), 1));
  static_cast<void>(session->release_memory());
  try {
    static_cast<void>(step(*session, data, range(0, 20), 2));
  } catch (const Error& error) {
    std::fprintf(stderr, "refused: %s %s\n", error.what(), emulation::last_report().c_str());
    std::_Exit(1);
  }
  std::_Exit(0);
}

class CudaPlanted : public testing::Test {
 protected:
  CudaPlanted() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};
using CudaPlantedDeathTest = CudaPlanted;

TEST_F(CudaPlantedDeathTest, WithoutAFaultNothingIsFound) {
  for (std::uint64_t seed = 1; seed <= seeds(); ++seed) EXPECT_EXIT(train("", seed), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(replay_after_release("", 1), testing::ExitedWithCode(0), "");
}

TEST_F(CudaPlantedDeathTest, AGraphWithAStalePointerIsRefused) {
#ifdef SIDESTEP_TSAN
  GTEST_SKIP() << "the emulator finds it in every build; here only races are looked for";
#else
  const auto found = [](int status) { return !WIFEXITED(status) || WEXITSTATUS(status) != 0; };
  for (std::uint64_t seed = 1; seed <= seeds(); ++seed)
    EXPECT_EXIT(replay_after_release("stale_graph", seed), found, "is a stale pointer|AddressSanitizer: ");
#endif
}

#ifdef SIDESTEP_TSAN
TEST_F(CudaPlantedDeathTest, ARecordPublishedBeforeItIsWrittenIsARace) {
  for (std::uint64_t seed = 1; seed <= seeds(); ++seed)
    EXPECT_EXIT(train("record_published_early", seed), testing::ExitedWithCode(race_found), "data race.*write_record");
}

TEST_F(CudaPlantedDeathTest, AParameterBlockOverwrittenTooEarlyIsARace) {
  for (std::uint64_t seed = 1; seed <= seeds(); ++seed)
    EXPECT_EXIT(train("block_overwritten_early", seed), testing::ExitedWithCode(race_found), "data race.*StepRing");
}

TEST_F(CudaPlantedDeathTest, ASnapshotThatDoesNotWaitForItsCopyIsARace) {
  for (std::uint64_t seed = 1; seed <= seeds(); ++seed)
    EXPECT_EXIT(train("snapshot_no_wait", seed), testing::ExitedWithCode(race_found), "data race.*memmove");
}

TEST_F(CudaPlantedDeathTest, ABarrierThatIsGoneIsARace) {
  for (std::uint64_t seed = 1; seed <= seeds(); ++seed)
    EXPECT_EXIT(train("bias_gradient_no_barrier", seed), testing::ExitedWithCode(race_found),
                "data race.*mask_and_add");
}
#endif

}  // namespace
}  // namespace sidestep::kernels::cuda::test
