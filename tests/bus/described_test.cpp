// Event types that say nothing of themselves: SIDESTEP_EVENT stands beside them.
#include <bus/log_support.hpp>
#include <bus/probe.hpp>

#include <gtest/gtest.h>

/// Another library's, in its own namespace; it knows nothing of a bus.
namespace radar {
enum class Kind : std::uint8_t { none, rain, snow };
struct Echo {
  std::int64_t step;
  double distance;
  float strength;
  std::int16_t bearing;
  Kind kind;
  bool moving;
  char label[6];
};
struct Silence {};
struct Sharper : Echo {};
struct Numbered {
  static constexpr sidestep::EventId id = sidestep::first_user_event + 380;
  int value;
};
SIDESTEP_EVENT(Echo, step, distance, strength, bearing, kind, moving, label)
SIDESTEP_EVENT(Silence)
SIDESTEP_EVENT(Numbered, value)
struct Wide {
  char a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa, bb, cc, dd, ee, ff, gg, hh, ii,
      jj, kk, ll, mm, nn;
};
SIDESTEP_EVENT(Wide, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa, bb, cc, dd, ee,
               ff, gg, hh, ii, jj, kk, ll, mm, nn)
/// Members that are called as what an event says of itself, and are none of it.
struct Tracked {
  std::int32_t id;
  char name[8];
};
SIDESTEP_EVENT(Tracked, id, name)
/// Its ids are another thing's, and greater than an event's: 600, were they cut to fit one.
struct Coded {
  static constexpr std::int64_t id = 65536 + 600;
  std::int32_t value;
};
SIDESTEP_EVENT(Coded, value)
struct Plot {
  std::int32_t value;
};
SIDESTEP_EVENT(Plot, value)
SIDESTEP_EVENT_ID(Plot, sidestep::first_user_event + 381)
struct Recoded {
  static constexpr int id = 3;
  std::int32_t value;
};
SIDESTEP_EVENT(Recoded, value)
SIDESTEP_EVENT_ID(Recoded, sidestep::first_user_event + 382)
struct Nested {
  struct {
    std::int32_t x, y;
  } at;
  double weights[2];
};
SIDESTEP_EVENT(Nested, at.x, at.y, weights[1])
}  // namespace radar

/// Of the same name as another namespace's; neither shows a field.
namespace port {
struct Reading {
  double volts;
};
SIDESTEP_EVENT(Reading)
struct Turned {
  double angle;
};
SIDESTEP_EVENT(Turned)
}  // namespace port
namespace starboard {
struct Reading {
  std::int64_t count;
};
SIDESTEP_EVENT(Reading)
struct Turned {
  double angle;
};
SIDESTEP_EVENT(Turned)
SIDESTEP_EVENT_ID(Turned, sidestep::first_user_event + 383)
}  // namespace starboard

namespace sidestep {
namespace {

using test::complaint;
using testing_support::Probe;
using testing_support::probe_options;
using testing_support::Seen;

struct GradNoted {
  int value;
};
struct GradPoint {
  int value;
};
SIDESTEP_EVENT(GradNoted, value)
SIDESTEP_EVENT(GradPoint, value)

TEST(Described, ATypeTravelsWithoutALineOfItsOwn) {
  static_assert(Event<radar::Echo> && Event<radar::Silence> && event_name<radar::Echo> == "Echo");
  Bus bus({.thread = false});
  std::vector<radar::Echo> seen;
  bus.add(std::make_unique<Probe>([&](const Slot& slot) { seen.push_back(slot.as<radar::Echo>()); }),
          probe_options({event_id<radar::Echo>}));
  bus.publish(radar::Silence{});
  bus.publish(radar::Echo{.step = 7,
                          .distance = 2.5,
                          .strength = 1,
                          .bearing = -9,
                          .kind = radar::Kind::snow,
                          .moving = true,
                          .label = "gull"});
  bus.flush();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].step, 7);
  EXPECT_EQ(seen[0].bearing, -9);
}

TEST(Described, ALogHasItsNameAndFields) {
  const test::ScratchFolder folder;
  {
    Bus bus;
    Recording recording = bus.record(folder / "log");
    Producer producer = bus.producer("radar");
    producer.publish_at(1, radar::Echo{.step = 7,
                                       .distance = 2.5,
                                       .strength = 0.5F,
                                       .bearing = -9,
                                       .kind = radar::Kind::snow,
                                       .moving = true,
                                       .label = "gull"});
    producer.publish_at(2, radar::Silence{});
    bus.close();
  }
  const std::vector<Seen> log = testing_support::all_of(folder / "log");
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[0].type, "Echo");
  EXPECT_EQ(log[0].fields, (std::map<std::string, FieldValue>{{"step", std::int64_t{7}},
                                                              {"distance", 2.5},
                                                              {"strength", 0.5},
                                                              {"bearing", std::int64_t{-9}},
                                                              {"kind", std::uint64_t{2}},
                                                              {"moving", true},
                                                              {"label", std::string("gull")}}));
  EXPECT_EQ(log[1].type, "Silence");
  EXPECT_TRUE(log[1].fields.empty());
}

TEST(Described, ItsIdFollowsFromItsNameAndAnIdOfItsOwnComesFirst) {
  static_assert(event_id<radar::Echo> == detail::described_id("Echo") && event_id<radar::Echo> >= 512);
  static_assert(event_id<radar::Numbered> == first_user_event + 380 && event_name<radar::Numbered> == "Numbered");
  static_assert(detail::described_id("Detection") == 800);  // the same in every build: logs of last year name it
}

TEST(Described, EveryOneOfFortyFieldsIsNamed) {
  int fields = 0;
  detail::for_each_field(radar::Wide{}, [&](std::string_view, const char&) { ++fields; });
  EXPECT_EQ(fields, 40);
}

TEST(Described, AnIdBesideTheTypeComesBeforeAnyOther) {
  static_assert(event_id<radar::Plot> == first_user_event + 381 && event_name<radar::Plot> == "Plot");
  static_assert(event_id<radar::Recoded> == first_user_event + 382);
}

TEST(Described, AnIdIsComparedBeforeItIsCutToFit) {
  static_assert(!Event<radar::Coded> && event_id<radar::Coded> == 0);
  static_assert(detail::fitting_id(600) == 600 && detail::fitting_id(65536 + 600) == 0 && detail::fitting_id(-1) == 0);
  static_assert(detail::fitting_id(std::uint64_t{1} << 32 | 600) == 0 && detail::fitting_id(1023) == 1023 &&
                detail::fitting_id(1024) == 0);
}

TEST(Described, MembersThatAreCalledIdAndNameAreFieldsLikeOthers) {
  static_assert(Event<radar::Tracked> && event_id<radar::Tracked> == detail::described_id("Tracked"));
  static_assert(event_name<radar::Tracked> == "Tracked");
  EXPECT_EQ(detail::fields_of(radar::Tracked{}),
            (std::vector<FieldLayout>{{"id", FieldKind::integer, 0, 4}, {"name", FieldKind::text, 4, 8}}));
}

TEST(Described, AMembersMembersAreFieldsToo) {
  EXPECT_EQ(detail::fields_of(radar::Nested{}), (std::vector<FieldLayout>{{"at.x", FieldKind::integer, 0, 4},
                                                                          {"at.y", FieldKind::integer, 4, 4},
                                                                          {"weights[1]", FieldKind::real, 16, 8}}));
}

TEST(Described, TwoOfOneNameAreToldApart) {
  static_assert(event_id<port::Reading> == event_id<starboard::Reading>);
  (void)event_info<port::Reading>();
  const std::string why = complaint<EventTypeError>([] { (void)event_info<starboard::Reading>(); });
  EXPECT_NE(why.find("'port::Reading'"), std::string::npos) << why;
  EXPECT_NE(why.find("'starboard::Reading'"), std::string::npos) << why;
  EXPECT_NE(why.find("SIDESTEP_EVENT_ID("), std::string::npos) << why;
  (void)event_info<port::Turned>();
  EXPECT_NO_THROW((void)event_info<starboard::Turned>());  // has done so
}

/// In each library of a program its type has another address, and its name one of its own.
TEST(Described, TheSameOneInTwoLibrariesIsOne) {
  EventInfo again = detail::make_info<radar::Echo>();
  (void)event_info<radar::Echo>();
  const std::string name(again.name), type(again.type);
  again.name = name, again.type = type;
  EXPECT_NO_THROW((void)register_event(again));
  again.type = "5radar5EchoX";
  EXPECT_THROW((void)register_event(again), EventTypeError);
}

TEST(Described, WhatIsNotDescribedIsNoEvent) {
  static_assert(!Event<radar::Sharper>);  // its base is
  static_assert(!Event<int> && !Event<const char*> && !Event<std::array<int, 3>>);
}

TEST(Described, TwoThatChanceGivesOneIdAreAnError) {
  static_assert(event_id<GradNoted> == event_id<GradPoint>);
  (void)event_info<GradNoted>();
  const std::string why = complaint<EventTypeError>([] { (void)event_info<GradPoint>(); });
  EXPECT_NE(why.find("'GradNoted'"), std::string::npos) << why;
  EXPECT_NE(why.find("'GradPoint'"), std::string::npos) << why;
  EXPECT_NE(why.find("SIDESTEP_EVENT_ID(GradPoint, sidestep::first_user_event + n) beside it"), std::string::npos)
      << why;
}

}  // namespace
}  // namespace sidestep
