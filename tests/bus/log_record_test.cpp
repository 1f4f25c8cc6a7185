// Bus::record: what it writes, when, and what becomes of it when the disk says no.
#include <gtest/gtest.h>

#include <bus/log_support.hpp>
#include <bus/probe.hpp>

#include <signal.h>
#include <sys/resource.h>

#include <sidestep/bus/recorder.hpp>

#include <future>
#include <thread>

namespace sidestep {
namespace {

using namespace testing_support;
using test::ScratchFolder;

/// What a logger is told of an event.
class LoggersView final : public FieldVisitor {
 public:
  void integer(std::string_view name, std::int64_t value) override { fields.emplace(name, value); }
  void real(std::string_view name, double value) override { fields.emplace(name, value); }
  void boolean(std::string_view name, bool value) override { fields.emplace(name, value); }
  void text(std::string_view name, std::string_view value) override { fields.emplace(name, std::string(value)); }
  std::map<std::string, FieldValue> fields;
};

template <class E>
void expect_in_log(const std::vector<Seen>& log, std::size_t at, const E& event,
                   std::initializer_list<const char*> computed = {}) {
  SCOPED_TRACE(std::string(E::name));
  ASSERT_LT(at, log.size());
  EXPECT_EQ(log[at].type, E::name);
  if constexpr (std::has_unique_object_representations_v<E>) {  // else the bytes between members are anything
    EXPECT_EQ(log[at].body, std::string(reinterpret_cast<const char*>(&event), sizeof event));
  }
  EXPECT_EQ(log[at].sequence, at + 1);
  EXPECT_EQ(log[at].stamp, static_cast<Nanoseconds>(100 * (at + 1)));
  EXPECT_EQ(log[at].ring, "trainer");
  LoggersView view;
  if (event_info<E>().visit != nullptr) event_info<E>().visit(&event, view);
  for (const char* name : computed) view.fields.erase(name);
  EXPECT_EQ(log[at].fields.size(), view.fields.size());
  for (const auto& [name, value] : log[at].fields) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(view.fields.contains(name));
    if (const auto* whole = std::get_if<std::uint64_t>(&value))
      EXPECT_EQ(FieldValue(static_cast<std::int64_t>(*whole)), view.fields[name]);
    else
      EXPECT_EQ(value, view.fields[name]);
  }
}

TEST(LogRecord, HoldsEveryTypeOfEventWithItsFields) {
  const ScratchFolder folder;
  const auto bodies = [](auto&& publish) {
    const Name val = intern("val/loss"), ada = intern("ada"), grace = intern("gráce");
    publish(FitBegin{.step = 1, .steps_per_epoch = 2, .last_step = 3, .epoch = 4, .epochs = 5, .resumed = true});
    publish(FitEnd{.step = 9, .epoch = 2, .stopped = true});
    publish(EpochBegin{.step = 8, .epoch = 3, .batches = 77});
    publish(EpochEnd{.step = 8, .seconds = 1.5, .samples = 640, .waited_ns = 12, .epoch = 1, .partial = true});
    publish(BatchBegin{.step = 5, .epoch = 1, .batch = 5});
    publish(BatchEnd{
        .step = 5, .loss = 0.25, .learning_rate = 1e-3, .accuracy = 0.5F, .epoch = 1, .batch = 5, .samples = 64});
    publish(ValidationBegin{.step = 5, .epoch = 1, .samples = 100});
    publish(ValidationEnd{.step = 5, .loss = 0.5, .accuracy = 0.75, .seconds = 0.125, .epoch = 1, .samples = 100});
    publish(TestEnd{.step = 5, .loss = 0.5, .accuracy = 0.75, .samples = 100});
    publish(Metric{.step = 5, .value = -2.5, .metric = val, .epoch = 1});
    publish(CheckpointSaved{.step = 5, .cause_step = 4, .bytes = 1234, .seconds = 0.5, .file = ada});
    publish(DecisionApplied{
        .cause_step = 3, .applied_step = 5, .value = 0.5, .learning_rate = 0.1, .decision = ada, .by = grace});
    publish(DecisionRefused{.cause_step = 3, .step = 5, .decision = ada, .by = grace, .why = val});
    publish(PipelineFailed{.number = 17, .pipeline = ada, .error = grace});
    publish(ExceptionRaised{.step = 5, .what = grace});
    publish(MemoryReleased{.step = 5, .bytes_released = 99});
    publish(Barrier{.step = 5, .cut = 2});
    publish(Sighting{.step = 5,
                     .distance = 2.5,
                     .camera = ada,
                     .score = 0.5F,
                     .label = "crow",
                     .count = 65535,
                     .kind = Sighting::Kind::plane,
                     .sure = true});
    publish(Blob{.bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}});
    publish(LogStopped{.events = 4, .file = ada, .why = grace});
  };
  {
    Bus bus;
    bus.record(folder / "a.log");
    Producer producer = bus.producer("trainer", Stream::trainer);
    Nanoseconds stamp = 0;
    bodies([&](const auto& event) { producer.publish_at(stamp += 100, event); });
    bus.close();
  }
  const std::vector<Seen> log = all_of(folder / "a.log");
  std::size_t at = 0;
  bodies([&]<class E>(const E& event) {
    if constexpr (std::same_as<E, EpochEnd>)
      expect_in_log(log, at++, event, {"samples_per_second"});
    else if constexpr (std::same_as<E, Sighting>)
      expect_in_log(log, at++, event, {"twice"});
    else
      expect_in_log(log, at++, event);
  });
  EXPECT_EQ(log.size(), at);
}

TEST(LogRecord, TypesThatAreKnownStandInTheFirstBlock) {
  const ScratchFolder folder;
  Bus bus;
  bus.record(folder / "a.log");
  LogReader log(folder / "a.log");
  ASSERT_TRUE(log.next_block());
  EXPECT_EQ(log.block().number, 0u);
  ASSERT_NE(log.catalog().type(BatchEnd::id), nullptr);
  EXPECT_EQ(log.catalog().type(BatchEnd::id)->name, "BatchEnd");
  EXPECT_EQ(log.catalog().type(BatchEnd::id)->size, sizeof(BatchEnd));
  ASSERT_NE(log.catalog().type(BatchEnd::id)->field("loss"), nullptr);
  EXPECT_EQ(log.catalog().type(BatchEnd::id)->field("loss")->offset, offsetof(BatchEnd, loss));
  // a user's type may refer to something: nobody looks at its fields before there is an event
  ASSERT_NE(log.catalog().type(Sighting::id), nullptr);
  EXPECT_TRUE(log.catalog().type(Sighting::id)->fields.empty());
}

TEST(LogRecord, LosesNothingOfManyThreads) {
  const ScratchFolder folder;
  constexpr int threads = 4, each = 60'000;
  Bus bus;
  const Recording recording = bus.record(folder / "a.log");
  {
    std::vector<std::jthread> all;
    for (int t = 0; t < threads; ++t)
      all.emplace_back([&, t] {
        Producer producer = bus.producer("p" + std::to_string(t));
        for (int i = 1; i <= each; ++i) producer.publish(Metric{.step = i, .value = i * 10.0 + t});
      });
  }
  bus.close();
  EXPECT_EQ(recording.events(), std::uint64_t{threads} * each);
  EXPECT_FALSE(recording.failed()) << recording.error();
  LogReader log(folder / "a.log");
  std::map<std::string, Step> last;
  log.for_each([&](const LoggedEvent& event) {
    const std::string ring = log.catalog().ring_name(event.ring);
    Metric metric;
    std::memcpy(&metric, event.body, sizeof metric);
    ASSERT_EQ(metric.step, ++last[ring]);
    ASSERT_EQ(event.sequence, static_cast<Sequence>(metric.step));
    ASSERT_EQ(metric.value, static_cast<double>(metric.step) * 10 + (ring[1] - '0'));
  });
  EXPECT_EQ(last, (std::map<std::string, Step>{{"p0", each}, {"p1", each}, {"p2", each}, {"p3", each}}));
  EXPECT_EQ(log.end(), LogEnd::closed);
  EXPECT_TRUE(log.damage().empty());
  EXPECT_EQ(log.file_size(), recording.bytes());
}

TEST(LogRecord, WhatWasFlushedIsInTheFile) {
  const ScratchFolder folder;
  Bus bus;
  const Recording recording = bus.record(folder / "a.log", {.interval = std::chrono::hours(1)});
  for (Step step = 1; step <= 3; ++step) {
    bus.publish(BatchEnd{.step = step});
    bus.flush();
    EXPECT_EQ(recording.events(), static_cast<std::uint64_t>(step));
    const std::vector<Seen> log = all_of(folder / "a.log");
    ASSERT_EQ(log.size(), static_cast<std::size_t>(step));
    EXPECT_EQ(as<BatchEnd>(log.back()).step, step);
  }
}

TEST(LogRecord, WhatWasPublishedBeforeABarrierIsInTheFileSoon) {
  const ScratchFolder folder;
  Bus bus;
  const Recording recording = bus.record(folder / "a.log", {.interval = std::chrono::hours(1)});
  Producer trainer = bus.producer("trainer", Stream::trainer);
  trainer.publish(BatchEnd{.step = 1});
  trainer.publish(Barrier{.step = 1});
  while (recording.events() < 2) std::this_thread::yield();
  EXPECT_EQ(all_of(folder / "a.log").size(), 2u);
}

TEST(LogRecord, AQuietRunIsInTheFileAfterTheInterval) {
  const ScratchFolder folder;
  Bus bus;
  const Recording recording = bus.record(folder / "a.log", {.interval = std::chrono::milliseconds(20)});
  bus.publish(BatchEnd{.step = 1});
  while (recording.events() < 1) std::this_thread::yield();  // nobody flushes, nothing else comes
  EXPECT_EQ(all_of(folder / "a.log").size(), 1u);
  EXPECT_EQ(recording.bytes() % log_format::page, 0u);
}

TEST(LogRecord, EndsWhenItIsTold) {
  const ScratchFolder folder;
  Bus bus;
  Recording recording = bus.record(folder / "a.log");
  bus.publish(BatchEnd{.step = 1});
  recording.end();
  bus.publish(BatchEnd{.step = 2});
  bus.flush();
  LogReader log(folder / "a.log");
  EXPECT_EQ(all_of(log).size(), 1u);
  EXPECT_EQ(log.end(), LogEnd::closed);
  // and another one may follow
  bus.record(folder / "b.log");
  bus.publish(BatchEnd{.step = 3});
  bus.close();
  ASSERT_EQ(all_of(folder / "b.log").size(), 1u);
}

TEST(LogRecord, BeginsWithWhatIsPublishedNext) {
  const ScratchFolder folder;
  Bus bus({.thread = false});
  bus.publish(BatchEnd{.step = 1});
  bus.record(folder / "a.log");
  bus.publish(BatchEnd{.step = 2});
  bus.close();
  const std::vector<Seen> log = all_of(folder / "a.log");
  ASSERT_EQ(log.size(), 1u);
  EXPECT_EQ(as<BatchEnd>(log[0]).step, 2);
}

TEST(LogRecord, HoldsWhatSpilledToo) {
  const ScratchFolder folder;
  Bus bus({.ring_capacity = 4, .thread = false});
  bus.record(folder / "a.log");
  {
    const BusThread never_wait;
    for (Step step = 1; step <= 20; ++step) bus.publish(BatchEnd{.step = step});
  }
  bus.close();
  const std::vector<Seen> log = all_of(folder / "a.log");
  ASSERT_EQ(log.size(), 20u);
  for (Step step = 1; step <= 20; ++step) {
    EXPECT_EQ(as<BatchEnd>(log[static_cast<std::size_t>(step - 1)]).step, step);
    EXPECT_EQ(log[static_cast<std::size_t>(step - 1)].sequence, static_cast<Sequence>(step));
  }
}

TEST(LogRecord, CompressedHoldsTheSame) {
  const ScratchFolder folder;
  Bus bus;
  const Recording plain = bus.record(folder / "plain.log"),
                  packed = bus.record(folder / "packed.log", {.compression = 1});
  Producer producer = bus.producer("trainer", Stream::trainer);
  for (Step step = 1; step <= 20'000; ++step) producer.publish(BatchEnd{.step = step, .loss = 0.5});
  bus.close();
  EXPECT_LT(packed.bytes() * 2, plain.bytes());
  EXPECT_EQ(all_of(folder / "plain.log"), all_of(folder / "packed.log"));
}

TEST(LogRecord, NeverOverwritesAFile) {
  const ScratchFolder folder;
  test::write_text(folder / "a.log", "precious");
  Bus bus;
  const std::string why = test::complaint<LogError>([&] { bus.record(folder / "a.log"); });
  EXPECT_NE(why.find("exists already"), std::string::npos) << why;
  EXPECT_EQ(test::read_text(folder / "a.log"), "precious");
  EXPECT_NE(test::complaint<LogError>([&] { bus.record(folder / "none" / "a.log"); }), "");
  bus.close();
  EXPECT_NE(test::complaint<BusError>([&] { bus.record(folder / "b.log"); }), "");
}

/// No file of this process grows beyond this while it lives.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~SmallDisk() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST(LogRecord, AFullDiskEndsTheRecordingAndNothingElse) {
  const ScratchFolder folder;
  constexpr Step steps = 50'000;
  Bus bus;
  Step handled = 0;
  std::vector<LogStopped> stopped;
  std::vector<std::string> failures;
  bus.add(std::make_unique<Probe>([&](const Slot&) { ++handled; }), probe_options({BatchEnd::id}));
  bus.add(std::make_unique<Probe>([&](const Slot& slot) { stopped.push_back(slot.as<LogStopped>()); }),
          probe_options({LogStopped::id}));
  bus.add(std::make_unique<Probe>([&](const Slot&) { failures.emplace_back("x"); }),
          probe_options({PipelineFailed::id}));
  const Recording recording = bus.record(folder / "a.log");
  {
    const SmallDisk disk(300'000);  // not a whole number of blocks
    Producer producer = bus.producer("trainer", Stream::trainer);
    for (Step step = 1; step <= steps; ++step) producer.publish(BatchEnd{.step = step});
    bus.flush();
  }
  EXPECT_TRUE(recording.failed());
  EXPECT_NE(recording.error().find("the disk is full"), std::string::npos) << recording.error();
  EXPECT_FALSE(recording.handle()->failed());
  bus.flush();
  EXPECT_EQ(handled, steps);
  EXPECT_TRUE(failures.empty());
  ASSERT_EQ(stopped.size(), 1u);
  EXPECT_EQ(stopped[0].events, static_cast<std::int64_t>(recording.events()));
  EXPECT_EQ(stopped[0].file.text(), (folder / "a.log").string());
  bus.close();

  LogReader log(folder / "a.log");
  Step last = 0;
  for (const Seen& one : all_of(log)) EXPECT_EQ(as<BatchEnd>(one).step, ++last);
  EXPECT_EQ(last, static_cast<Step>(recording.events()));
  EXPECT_GT(last, 4000);
  EXPECT_EQ(log.end(), LogEnd::open);
  EXPECT_TRUE(log.damage().empty());
  EXPECT_EQ(log.file_size(), recording.bytes());
}

/// What no compression makes smaller.
struct Noise {
  static constexpr EventId id = first_user_event + 42;
  static constexpr std::string_view name = "Noise";
  std::array<std::uint64_t, 5> words{};
};

TEST(LogRecord, KeepsItsOrderWhicheverThreadPolls) {
  const ScratchFolder folder;
  Bus bus({.ring_capacity = 4096, .thread = false});
  // slow to write, so that blocks of both threads wait
  const Recording recording =
      bus.record(folder / "a.log", {.compression = 19, .interval = std::chrono::hours(1), .buffers = 64});
  Producer producer = bus.producer("trainer");
  std::uint64_t random = 88172645463325252;
  const auto publish = [&](int count) {
    for (int i = 0; i < count; ++i) {
      Noise noise;
      for (std::uint64_t& word : noise.words)
        random ^= random << 13, random ^= random >> 7, word = random ^= random << 17;
      producer.publish(noise);
      if (i % 1000 == 999)
        while (bus.poll()) {
        }
    }
    while (bus.poll()) {
    }
  };
  std::thread([&] { publish(4000); }).join();
  publish(6000);
  bus.flush();
  LogReader log(folder / "a.log");
  Sequence last = 0;
  log.for_each([&](const LoggedEvent& event) { EXPECT_EQ(event.sequence, ++last); });
  EXPECT_EQ(last, 10'000u);
}

TEST(LogRecord, AHandlerThatEndsItDoesNotStopTheDispatcher) {
  const ScratchFolder folder;
  Bus bus;
  Recording recording = bus.record(folder / "a.log");
  bool closed_inside = true;
  bus.add(std::make_unique<Probe>([&](const Slot&) {
            recording.end();
            // its last block is put by this very thread: whoever waited for it here would wait in vain
            closed_inside = LogReader(folder / "a.log").index().back().header.flags & log_format::last;
          }),
          probe_options({BatchEnd::id}));
  const Nanoseconds begin = Clock::steady();
  bus.publish(BatchEnd{.step = 1});
  bus.flush();
  EXPECT_LT(Clock::steady() - begin, 9'000'000'000);
  EXPECT_FALSE(closed_inside);
  recording.end();  // once more, where it can be waited for
  LogReader log(folder / "a.log");
  all_of(log);
  EXPECT_EQ(log.end(), LogEnd::closed);
}

TEST(LogRecord, NobodyWaitsForADiskThatWasGivenUp) {
  const ScratchFolder folder;
  std::promise<void> moves;
  auto account = std::make_shared<QueueAccount>();
  auto writer = std::make_shared<LogWriter>(
      folder / "a.log", LogWriterOptions{.buffers = 3, .done = [moved = moves.get_future().share()] { moved.wait(); }});
  Bus bus({.thread = false, .deadline = std::chrono::milliseconds(200)});
  const Handle handle = bus.add(std::make_unique<Recorder>(writer, account, RecordOptions{},
                                                           std::weak_ptr<Dispatcher>{}, std::chrono::milliseconds(200)),
                                {});
  Producer producer = bus.producer("trainer");
  for (Step step = 1; step <= 20'000; ++step) {
    producer.publish(BatchEnd{.step = step});
    if (step % 1000 == 0)
      while (bus.poll()) {
      }
  }
  bus.flush();
  EXPECT_TRUE(writer->failed());
  EXPECT_EQ(handle->life(), Subscription::Life::completed);
  EXPECT_EQ(handle->error(), "");  // else somebody waited for the deadline, for blocks that nobody will write
  bus.close();
  EXPECT_EQ(handle->error(), "");
  moves.set_value();
}

TEST(LogRecord, ADiskWithoutRoomForTheFirstBlockIsSaidAtOnce) {
  const ScratchFolder folder;
  Bus bus;
  std::string why;
  {
    const SmallDisk disk(1000);
    why = test::complaint<LogError>([&] { bus.record(folder / "a.log"); });
  }
  EXPECT_NE(why.find("the disk is full"), std::string::npos) << why;
  EXPECT_FALSE(std::filesystem::exists(folder / "a.log"));
}

}  // namespace
}  // namespace sidestep
