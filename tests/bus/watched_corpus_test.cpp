// What the fuzzer has found to look at, once more in every build: tests/fuzz/watched_bus_fuzz.cpp.
#include <gtest/gtest.h>

#include <fuzz/watched_bus_fuzz.hpp>
#include <scratch_folder.hpp>

namespace sidestep {
namespace {

TEST(WatchedCorpus, IsReadOrRefusedAndHasEventsRead) {
  int files = 0, with_events = 0, with_values = 0, with_missed = 0;
  std::uint64_t events = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SIDESTEP_WATCHED_CORPUS)) {
    SCOPED_TRACE(entry.path().string());
    const std::string text = test::read_text(entry.path());
    const test::HostileReading reading =
        test::read_hostile_bus(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
    ++files;
    events += reading.events;
    with_events += reading.events > 0 ? 1 : 0;
    with_values += reading.values > 0 ? 1 : 0;
    with_missed += reading.missed > 0 ? 1 : 0;
  }
  RecordProperty("inputs", files);
  RecordProperty("with_events", with_events);
  RecordProperty("events", std::to_string(events));
  EXPECT_GT(files, 50);
  // Else every event would be turned away at the door, as it is when slots are laid out anew and the corpus isn't.
  EXPECT_GE(with_events, 150) << "of " << files << " inputs, with " << events << " events in all";
  EXPECT_GE(with_values, 90) << "of " << files << " inputs have a field read";
  EXPECT_GE(with_missed, 40) << "of " << files << " inputs overwrite what isn't read yet";
}

}  // namespace
}  // namespace sidestep
