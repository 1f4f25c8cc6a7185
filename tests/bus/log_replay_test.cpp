// Finding a place in a log, and publishing a log's events once more.
#include <gtest/gtest.h>

#include <bus/log_support.hpp>
#include <bus/probe.hpp>

#include <sidestep/bus/log_sink.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <set>

namespace sidestep {
namespace {

using namespace testing_support;
using test::ScratchFolder;

constexpr Step seek_steps = 4000;

/// Two rings; a block holds some hundred events.
std::filesystem::path long_log(const ScratchFolder& folder, int compression) {
  const std::filesystem::path path = folder / "long.log";
  Bus bus({.thread = false});
  bus.record(path, {.compression = compression});
  Producer trainer = bus.producer("trainer", Stream::trainer), other = bus.producer("other");
  for (Step step = 1; step <= seek_steps; ++step) {
    trainer.publish_at(1000 * step, BatchBegin{.step = step});
    trainer.publish_at(1000 * step + 500, BatchEnd{.step = step});
    if (step % 7 == 0) other.publish_at(1000 * step + 600, MemoryReleased{.step = step});
    while (bus.poll()) {
    }
  }
  bus.close();
  return path;
}

class LogSeek : public ::testing::TestWithParam<int> {};

TEST_P(LogSeek, FindsStepTimeAndNumber) {
  const ScratchFolder folder;
  const std::filesystem::path path = long_log(folder, GetParam());
  const std::vector<Seen> all = all_of(path);
  LogReader log(path);
  ASSERT_GT(log.index().size(), 5u);
  const auto rest_from = [&](auto first) { return std::vector<Seen>(first, all.end()); };
  for (const Step step : {Step{1}, Step{2}, Step{777}, seek_steps / 2, seek_steps}) {
    SCOPED_TRACE(step);
    ASSERT_TRUE(log.seek_step(step));
    EXPECT_EQ(all_of(log), rest_from(std::find_if(all.begin(), all.end(), [&](const Seen& one) {
                return std::get<std::int64_t>(one.fields.at("step")) >= step;
              })));
    ASSERT_TRUE(log.seek_time(1000 * step + 100));
    EXPECT_EQ(all_of(log), rest_from(std::find_if(all.begin(), all.end(),
                                                  [&](const Seen& one) { return one.stamp >= 1000 * step + 100; })));
    const auto ring = [&](const std::string& name) {
      for (const auto& [id, each] : log.catalog().rings())
        if (each.name == name) return id;
      return ~std::uint32_t{0};
    };
    ASSERT_TRUE(log.seek_sequence(ring("trainer"), static_cast<Sequence>(2 * step)));
    EXPECT_EQ(all_of(log), rest_from(std::find_if(all.begin(), all.end(), [&](const Seen& one) {
                return one.ring == "trainer" && one.sequence == static_cast<Sequence>(2 * step);
              })));
    if (step >= seek_steps) continue;
    ASSERT_TRUE(log.seek_sequence(ring("other"), static_cast<Sequence>(step / 7 + 1)));
    EXPECT_EQ(all_of(log), rest_from(std::find_if(all.begin(), all.end(), [&](const Seen& one) {
                return one.ring == "other" && one.sequence == static_cast<Sequence>(step / 7 + 1);
              })));
  }
  EXPECT_FALSE(log.seek_step(seek_steps + 1));
  EXPECT_FALSE(log.seek_time(1000 * seek_steps + 501));
  EXPECT_FALSE(log.seek_sequence(99, 1));
  log.rewind();
  EXPECT_EQ(all_of(log), all);
}

TEST_P(LogSeek, KnowsTypesAndNamesThatWereDescribedLongBefore) {
  const ScratchFolder folder;
  const std::filesystem::path path = folder / "a.log";
  {
    Bus bus({.thread = false});
    bus.record(path, {.compression = GetParam()});
    Producer trainer = bus.producer("the trainer's", Stream::trainer);
    const Name name = intern("a metric");
    for (Step step = 1; step <= 5000; ++step) {
      trainer.publish_at(step, Metric{.step = step, .metric = name});
      trainer.publish_at(step, Sighting{.step = step, .camera = name});
      while (bus.poll()) {
      }
    }
    bus.close();
  }
  LogReader log(path);
  ASSERT_TRUE(log.seek_step(4900));
  const std::vector<Seen> rest = all_of(log);
  ASSERT_EQ(rest.size(), 202u);
  EXPECT_EQ(rest[0].ring, "the trainer's");
  EXPECT_EQ(rest[0].fields.at("metric"), FieldValue("a metric"));
  EXPECT_EQ(rest[1].type, "Sighting");
  EXPECT_EQ(rest[1].fields.at("camera"), FieldValue("a metric"));
}

INSTANTIATE_TEST_SUITE_P(Form, LogSeek, ::testing::Values(0, 1),
                         [](const auto& form) { return form.param == 0 ? "plain" : "compressed"; });

TEST(LogRead, GoesOnWhereTheLogHasGrown) {
  const ScratchFolder folder;
  Bus bus;
  bus.record(folder / "a.log");
  LogReader log(folder / "a.log");
  for (Step step = 1; step <= 5; ++step) {
    EXPECT_TRUE(all_of(log).empty());
    EXPECT_EQ(log.end(), LogEnd::open);
    bus.publish(BatchEnd{.step = step});
    bus.flush();
    const std::vector<Seen> news = all_of(log);
    ASSERT_EQ(news.size(), 1u);
    EXPECT_EQ(as<BatchEnd>(news[0]).step, step);
  }
  bus.close();
  EXPECT_TRUE(all_of(log).empty());
  EXPECT_EQ(log.end(), LogEnd::closed);
}

TEST(LogReplay, GivesTheSameEvents) {
  const ScratchFolder folder;
  const std::filesystem::path path = long_log(folder, 0), again = folder / "again.log";
  for (const bool thread : {false, true}) {
    {
      Bus bus({.ring_capacity = 256, .thread = thread});
      const Recording recording = bus.record(again);
      EXPECT_EQ(replay(path, bus).events, 2u * seek_steps + seek_steps / 7);
      bus.close();
    }
    std::vector<Seen> before = all_of(path), after = all_of(again);
    if (thread) {  // nothing is promised between rings then
      const auto by_ring = [](const Seen& a, const Seen& b) { return a.ring < b.ring; };
      std::ranges::stable_sort(before, by_ring);
      std::ranges::stable_sort(after, by_ring);
    }
    EXPECT_EQ(before, after);  // order, numbers, stamps, rings
    std::filesystem::remove(again);
  }
}

TEST(LogReplay, PipelinesComeToTheSameResult) {
  const ScratchFolder folder;
  const std::filesystem::path path = small_log(folder, 50);
  std::vector<std::string> metrics;
  Bus bus;
  bus.add(std::make_unique<Probe>([&](const Slot& slot) {
            const Metric& metric = slot.as<Metric>();
            metrics.push_back(std::string(metric.metric.text()) + " " + std::to_string(metric.step) + " at " +
                              std::to_string(slot.stamp));
          }),
          probe_options({Metric::id}, "probe", Stream::trainer));
  replay(path, bus);
  bus.flush();
  ASSERT_EQ(metrics.size(), 150u);
  EXPECT_EQ(metrics[0], "metric of block 0 1 at 1001");
  EXPECT_EQ(metrics[149], "metric of block 2 150 at 150001");
}

/// A log as another program wrote it: its names have other numbers, and some of its types nobody here knows.
std::filesystem::path foreign_log(const ScratchFolder& folder, const LoggedType& type) {
  const std::filesystem::path path = folder / "foreign.log";
  LogSink sink(path, 5);
  sink.define(type);
  sink.define(LoggedType{
      .id = Metric::id, .size = sizeof(Metric), .name = "Metric", .fields = detail::layout_fields<Metric>(nullptr)});
  sink.define(LoggedRing{.id = 3, .stream = Stream::trainer, .name = "theirs"});
  sink.define_name(777'777, "a metric of theirs");
  std::array<std::byte, Slot::body_size> body{};
  body[0] = std::byte{17};
  sink.add({.type = type.id, .size = type.size, .ring = 3, .sequence = 12, .stamp = 100, .body = body.data()});
  const Metric metric{.step = 8, .value = 1.5, .metric = Name{777'777}};
  std::memcpy(body.data(), &metric, sizeof metric);
  sink.add({.type = Metric::id, .size = sizeof metric, .ring = 3, .sequence = 13, .stamp = 101, .body = body.data()});
  sink.close();
  return path;
}

TEST(LogReplay, TypesThatNobodyKnowsAreReadAndReplayed) {
  const ScratchFolder folder;
  const std::filesystem::path path =
      foreign_log(folder, {.id = 900, .size = 3, .name = "Unheard", .fields = {{"count", FieldKind::whole, 0, 1}}});
  const std::vector<Seen> log = all_of(path);
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[0].type, "Unheard");
  EXPECT_EQ(log[0].fields.at("count"), FieldValue(std::uint64_t{17}));
  EXPECT_EQ(log[1].fields.at("metric"), FieldValue("a metric of theirs"));

  std::vector<Slot> got;
  Bus bus({.thread = false});
  bus.add(std::make_unique<Probe>([&](const Slot& slot) { got.push_back(slot); }), probe_options({900, Metric::id}));
  EXPECT_EQ(replay(path, bus).events, 2u);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].type, 900);
  EXPECT_EQ(got[0].size, 3);
  EXPECT_EQ(got[0].stamp, 100);
  EXPECT_EQ(got[0].body[0], std::byte{17});
  EXPECT_EQ(got[1].as<Metric>().metric.text(), "a metric of theirs");
  EXPECT_EQ(got[1].as<Metric>().value, 1.5);
}

TEST(LogReplay, RefusesATypeThatIsAnotherOneHere) {
  const ScratchFolder folder;
  event_info<BatchEnd>();
  const std::filesystem::path path =
      foreign_log(folder, {.id = BatchEnd::id, .size = 3, .name = "BatchEnd", .fields = {}});
  Bus bus({.thread = false});
  std::string why = test::complaint<LogError>([&] { replay(path, bus); });
  EXPECT_NE(why.find("'BatchEnd' of 3 bytes in the log and 'BatchEnd' of 40 bytes in this program"), std::string::npos)
      << why;
  EXPECT_EQ(bus.account().events, 0u);
}

/// A log of single events, of whose types, rings and names it says nothing.
class BareLog {
 public:
  explicit BareLog(const ScratchFolder& folder) : path_(folder / "bare.log"), sink(path_, 0, 19) {}
  void add(EventId type, std::size_t size, std::uint32_t ring, Nanoseconds stamp = 1, const void* body = nullptr) {
    std::array<std::byte, Slot::body_size> bytes{};
    if (body != nullptr) std::memcpy(bytes.data(), body, size);
    sink.add({.type = type,
              .size = static_cast<std::uint16_t>(size),
              .ring = ring,
              .sequence = 1,
              .stamp = stamp,
              .body = bytes.data()});
  }
  const std::filesystem::path& close() { return sink.close(), path_; }

 private:
  std::filesystem::path path_;

 public:
  LogSink sink;
};

TEST(LogReplay, ASmallLogTakesNoRingForEachNumberInIt) {
  const ScratchFolder folder;
  BareLog log(folder);
  for (std::uint32_t ring = 0; ring < 1500; ++ring) log.add(900, 0, ring);
  std::set<std::uint32_t> rings;
  Bus bus({.ring_capacity = 256, .thread = false});
  bus.add(std::make_unique<Probe>([&](const Slot& slot) { rings.insert(slot.ring); }), probe_options({900}));
  EXPECT_EQ(replay(log.close(), bus).events, 1500u);
  EXPECT_EQ(rings.size(), 1u);
}

TEST(LogReplay, RefusesALogOfTooManyRings) {
  const ScratchFolder folder;
  BareLog log(folder);
  for (std::uint32_t ring = 0; ring < 1500; ++ring)
    log.sink.define(LoggedRing{.id = ring, .stream = Stream::others, .name = std::to_string(ring)});
  log.add(900, 0, 1);
  Bus bus({.ring_capacity = 256, .thread = false});
  EXPECT_NE(test::complaint<LogError>([&] { replay(log.close(), bus); }).find("more than 128 rings"),
            std::string::npos);
  EXPECT_EQ(bus.account().events, 0u);
}

TEST(LogReplay, WhatLostItsDescriptionIsWhatThisProgramKnowsOrNotPublished) {
  const ScratchFolder folder;
  event_info<Metric>();
  BareLog log(folder);
  Metric metric{.step = 3, .value = 0.5, .metric = Name{777'777}};
  log.add(Metric::id, 3, 1);                          // not as long as a Metric
  log.add(Metric::id, sizeof metric, 1, 1, &metric);  // nobody knows what it was called
  log.sink.define_name(777'778, "a metric of theirs");
  metric.metric = Name{777'778};
  log.add(Metric::id, sizeof metric, 1, 1, &metric);
  std::vector<std::string> got;
  Bus bus({.thread = false});
  bus.add(std::make_unique<Probe>([&](const Slot& slot) { got.emplace_back(slot.as<Metric>().metric.text()); }),
          probe_options({Metric::id}));
  const ReplayAccount account = replay(log.close(), bus);
  EXPECT_EQ(account.events, 1u);
  EXPECT_EQ(account.damaged, 2u);
  EXPECT_EQ(got, std::vector<std::string>{"a metric of theirs"});
}

TEST(LogReplay, RefusesABusThatALoopListensTo) {
  const ScratchFolder folder;
  alignas(8) static char loop;  // never called: nothing is published
  Bus bus({.thread = false});
  bus.cut_sink(reinterpret_cast<CutSink*>(&loop));
  std::optional<LogError::Kind> kind;
  try {
    replay(small_log(folder), bus);
  } catch (const LogError& error) {
    kind = error.kind();
  }
  bus.cut_sink(nullptr);
  EXPECT_EQ(kind, LogError::Kind::refused);
  EXPECT_EQ(bus.account().events, 0u);
}

TEST(LogReplay, AtRealSpeedKeepsThePausesOfNegativeStampsToo) {
  const ScratchFolder folder;
  constexpr Nanoseconds pause = 30'000'000;
  BareLog log(folder);
  for (Nanoseconds i = 0; i < 3; ++i) log.add(900, 0, 1, (i - 5) * pause);
  log.add(900, 0, 1, std::numeric_limits<Nanoseconds>::min());  // so long ago that no number says how long
  Bus bus({.thread = false});
  const Nanoseconds begin = Clock::steady();
  EXPECT_EQ(replay(log.close(), bus, {.speed = ReplayOptions::Speed::real}).events, 4u);
  EXPECT_GE(Clock::steady() - begin, 2 * pause);
}

TEST(LogRead, ASeekThatFindsNothingStaysWhereItIs) {
  const ScratchFolder folder;
  LogReader log(small_log(folder, 5));
  ASSERT_TRUE(log.next_block());
  while (log.block().events == 0) ASSERT_TRUE(log.next_block());
  const std::uint64_t offset = log.block_offset();
  const std::uint32_t number = log.block().number, events = log.block().events;
  EXPECT_FALSE(log.seek_sequence(99, 1));
  EXPECT_EQ(log.block_offset(), offset);
  EXPECT_EQ(log.block().number, number);
  std::uint32_t count = 0;
  Step first = 0;
  log.events([&](const LoggedEvent& event) {
    if (count++ == 0) first = log.catalog().step(event).value_or(0);
  });
  EXPECT_EQ(count, events);
  EXPECT_EQ(first, 1);
}

TEST(LogRead, KnowsWhatABlockDefinesThatWasHalfWrittenBefore) {
  const ScratchFolder folder;
  const std::filesystem::path whole = small_log(folder, 5), growing = folder / "growing.log";
  const std::string bytes = test::read_text(whole);
  std::uint64_t begin = 0;
  {
    LogReader log(whole);
    begin = log.index().at(2).offset;
  }
  test::write_text(growing, bytes.substr(0, begin + log_format::page / 2));
  LogReader log(growing);
  log.read_definitions();
  test::write_text(growing, bytes);
  log.go_to_block(3);
  const auto& names = log.catalog().names();
  EXPECT_TRUE(std::ranges::any_of(names, [](const auto& each) { return each.second == "metric of block 1"; }));
}

TEST(LogReplay, AtRealSpeedKeepsThePauses) {
  const ScratchFolder folder;
  const std::filesystem::path path = folder / "a.log";
  constexpr Nanoseconds pause = 30'000'000;
  {
    Bus bus({.thread = false});
    bus.record(path);
    Producer producer = bus.producer("trainer");
    for (Step step = 0; step < 4; ++step) producer.publish_at(step * pause, BatchEnd{.step = step});
    bus.close();
  }
  Bus bus({.thread = false});
  std::vector<Nanoseconds> times;
  bus.add(std::make_unique<Probe>([&](const Slot&) { times.push_back(Clock::steady()); }),
          probe_options({BatchEnd::id}));
  const Nanoseconds begin = Clock::steady();
  replay(path, bus, {.speed = ReplayOptions::Speed::real});
  ASSERT_EQ(times.size(), 4u);
  // never before its time
  for (Nanoseconds i = 0; i < 4; ++i) EXPECT_GE(times[static_cast<std::size_t>(i)] - begin, i * pause);
}

}  // namespace
}  // namespace sidestep
