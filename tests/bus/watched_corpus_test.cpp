// What the fuzzer has found to look at, once more in every build: tests/fuzz/watched_bus_fuzz.cpp.
#include <gtest/gtest.h>

#include <scratch_folder.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace sidestep {
namespace {

TEST(WatchedCorpus, IsReadOrRefused) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SIDESTEP_WATCHED_CORPUS)) {
    SCOPED_TRACE(entry.path().string());
    const std::string text = test::read_text(entry.path());
    EXPECT_EQ(LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()), 0);
    ++files;
  }
  EXPECT_GT(files, 50);
}

}  // namespace
}  // namespace sidestep
