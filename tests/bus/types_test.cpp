// One event type is the same wherever it is known: in each part of a program, in a log, beyond shared memory.
#include <sidestep/bus.hpp>

#include <sidestep/bus/log_sink.hpp>
#include <sidestep/bus/shared_bus.hpp>
#include <sidestep/bus/watcher.hpp>

#include <bus/log_support.hpp>

#include <gtest/gtest.h>

namespace sidestep {
namespace {

using test::complaint;
using test::ScratchFolder;

constexpr EventId shared_id = first_user_event + 360;

namespace ours {
struct Sighted {
  static constexpr EventId id = shared_id;
  static constexpr std::string_view name = "Sighted";
  static constexpr bool self_contained = true;
  Step step = 0;
  float score = 0;
  std::int32_t label = 0;
  void fields(auto&& f) const { f("step", step), f("score", score), f("label", label); }
};
}  // namespace ours

namespace theirs {
struct Sighted {  // as large, under the same id and name
  static constexpr EventId id = shared_id;
  static constexpr std::string_view name = "Sighted";
  static constexpr bool self_contained = true;
  Step step = 0;
  std::int32_t label = 0;
  std::int32_t count = 0;
  void fields(auto&& f) const { f("step", step), f("label", label), f("count", count); }
};
}  // namespace theirs

namespace copied {
struct Sighted {  // the same, declared once more
  static constexpr EventId id = shared_id;
  static constexpr std::string_view name = "Sighted";
  static constexpr bool self_contained = true;
  Step step = 0;
  float score = 0;
  std::int32_t label = 0;
  void fields(auto&& f) const { f("label", label), f("step", step), f("score", score); }
};
}  // namespace copied

namespace unseen {
struct Sighted {  // names no fields
  static constexpr EventId id = shared_id;
  static constexpr std::string_view name = "Sighted";
  std::array<std::byte, 16> bytes{};
};
struct Longer {
  static constexpr EventId id = shared_id;
  static constexpr std::string_view name = "Sighted";
  std::array<std::byte, 24> bytes{};
};
struct Carrier {
  static constexpr EventId id = shared_id;
  static constexpr std::string_view name = "Sighted";
  PayloadRef payload;
};
}  // namespace unseen

TEST(Types, OneWithTwoLayoutsIsAnErrorThatNamesTheFields) {
  event_info<ours::Sighted>();
  Bus bus({.thread = false});
  const std::string why = complaint<EventTypeError>([&] { (void)bus.on<theirs::Sighted>(); });
  EXPECT_NE(why.find("'Sighted'"), std::string::npos) << why;
  EXPECT_NE(why.find("'label' is integer of 4 bytes at 8 here, integer of 4 bytes at 12 there"), std::string::npos)
      << why;
  EXPECT_NE(why.find("'count' isn't there"), std::string::npos) << why;
  EXPECT_NE(why.find("'score' is there alone"), std::string::npos) << why;
  EXPECT_EQ(why.find("'step'"), std::string::npos) << why;
}

TEST(Types, OneThatIsDeclaredTwiceAlikeOrNamesNoFieldsIsNone) {
  event_info<ours::Sighted>();
  EXPECT_NO_THROW((void)event_info<copied::Sighted>());
  EXPECT_NO_THROW((void)event_info<unseen::Sighted>());
  EXPECT_NE(complaint<EventTypeError>([] { (void)event_info<unseen::Longer>(); }).find("24 bytes"), std::string::npos);
  EXPECT_NE(complaint<EventTypeError>([] { (void)event_info<unseen::Carrier>(); }).find("payload"), std::string::npos);
}

/// A log whose writer knew the type otherwise.
std::filesystem::path their_log(const ScratchFolder& folder, const LoggedType& type) {
  const std::filesystem::path path = folder / "theirs.log";
  LogSink sink(path, 0, 19);
  sink.define(type);
  std::array<std::byte, Slot::body_size> body{};
  sink.add({.type = type.id, .size = type.size, .ring = 1, .sequence = 1, .stamp = 100, .body = body.data()});
  sink.close();
  return path;
}
LoggedType as_theirs() {
  return {.id = shared_id,
          .size = sizeof(theirs::Sighted),
          .name = "Sighted",
          .fields = detail::layout_fields<theirs::Sighted>(nullptr)};
}

TEST(Types, ALogOfAnotherLayoutIsNotReplayed) {
  const ScratchFolder folder;
  event_info<ours::Sighted>();
  Bus bus({.thread = false});
  const std::string why = complaint<LogError>([&] { replay(their_log(folder, as_theirs()), bus); });
  EXPECT_NE(why.find("'Sighted' has other fields in this program"), std::string::npos) << why;
  EXPECT_NE(why.find("'label' is integer of 4 bytes at 12 here, integer of 4 bytes at 8 there"), std::string::npos)
      << why;
  EXPECT_NE(why.find("'score' isn't there"), std::string::npos) << why;
  EXPECT_NE(why.find("'count' is there alone"), std::string::npos) << why;
  EXPECT_EQ(bus.account().events, 0u);
}

TEST(Types, ALogThatDescribesNoFieldsIsReplayed) {
  const ScratchFolder folder;
  event_info<ours::Sighted>();
  LoggedType bare = as_theirs();
  bare.fields.clear();
  Bus bus({.thread = false});
  EXPECT_EQ(replay(their_log(folder, bare), bus).events, 1u);
}

TEST(Types, ReadAsAnEventOfThisProgramItIsCompared) {
  const ScratchFolder folder;
  LogReader theirs(their_log(folder, as_theirs()));
  int events = 0;
  theirs.for_each([&](const LoggedEvent& event) {
    ++events;
    EXPECT_FALSE(theirs.catalog().as<BatchEnd>(event));
    const std::string why = complaint<LogError>([&] { (void)theirs.catalog().as<ours::Sighted>(event); });
    EXPECT_NE(why.find("'score' isn't there"), std::string::npos) << why;
  });
  EXPECT_EQ(events, 1);

  const std::filesystem::path path = folder / "ours.log";
  {
    Bus bus({.thread = false});
    bus.record(path);
    Producer producer = bus.producer("test");
    producer.publish(ours::Sighted{.step = 3, .score = 0.5, .label = 9});
    producer.publish(ours::Sighted{.step = 4, .score = 0.5, .label = 9});
  }
  LogReader own(path);
  own.for_each([&](const LoggedEvent& event) {
    if (const auto sighted = own.catalog().as<ours::Sighted>(event))
      events += static_cast<int>(sighted->step) + sighted->label;
  });
  EXPECT_EQ(events, 1 + 3 + 9 + 4 + 9);
}

/// A watched bus describes its types as a log does, so whoever reads one of its events as his own finds out too.
TEST(Types, SoDoesAWatcher) {
  const ScratchFolder place;
  event_info<ours::Sighted>();
  Bus bus({.shared = std::make_shared<SharedBus>(place.path())});
  Watcher watcher(place.path());
  bus.producer("test").publish(ours::Sighted{.step = 3, .score = 0.5, .label = 9});
  bus.flush();
  int seen = 0;
  watcher.poll([&](const LoggedEvent& event) {
    if (event.type != shared_id) return;
    ++seen;
    EXPECT_EQ(watcher.catalog().as<ours::Sighted>(event)->label, 9);
    LogCatalog other = watcher.catalog();
    const std::vector<std::byte> record = log_format::encode(as_theirs());
    ASSERT_TRUE(other.take(log_format::Defined::type, std::span(record).subspan(sizeof(log_format::DefinitionRecord))));
    EXPECT_THROW((void)other.as<ours::Sighted>(event), LogError);
  });
  EXPECT_EQ(seen, 1);
}

}  // namespace
}  // namespace sidestep
