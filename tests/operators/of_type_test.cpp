#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"

#include <sidestep/operators/last.hpp>
#include <sidestep/operators/of_type.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;

struct Absent {
  static constexpr EventId id = first_user_event + 209;
  static constexpr std::string_view name = "Absent";
};

TEST(OfType, LetsEventsOfItsTypePassAsThatType) {
  const auto others = [](auto a, auto b) { return both(a, b) | of_type<OtherNumber>(); };
  EXPECT_EQ(drawn<2>({"-1---3-|", "---2---|"}, others), "---2---|");
  EXPECT_EQ(drawn<2>({"-1---3-|", "-------|"}, others), "-------|");
  EXPECT_EQ(drawn<2>({"-------|", "-24----|"}, others), "-24----|");
  EXPECT_EQ(drawn<2>({"-|", "-|"}, others), "-|");
}

TEST(OfType, OfTheSameMomentToo) {
  EXPECT_EQ(
      drawn<2>({"-1-|", "-2-|"}, [](auto a, auto b) { return both(a, b) | of_type<Number>() | map(&Number::value); }),
      "-1-|");
}

TEST(OfType, ATypeThatTheSourceDoesNotListenToIsRefusedByTheCompiler) {
  using Both = OneOf<Number, OtherNumber>;
  static_assert(Accepts<decltype(of_type<Number>()), Both>);
  static_assert(Accepts<decltype(of_type<OtherNumber>()), Both>);
  static_assert(!Accepts<decltype(of_type<Absent>()), Both>);
  static_assert(!Accepts<decltype(of_type<Number>()), Number>);
  static_assert(!Accepts<decltype(of_type<Number>()), double>);
}

TEST(OfType, WhatFollowsMayKeepTheEvent) {
  EXPECT_EQ(of_two_types(99,
                         [](auto in) {
                           return std::move(in) | of_type<OtherNumber>() |
                                  last([](const OtherNumber& e) { return e.value < 50; }) | map(&OtherNumber::value);
                         }),
            std::vector<double>{48});
}

TEST(OfType, IsCountedByWhatFollows) {
  EXPECT_EQ(of_two_types(99, [](auto in) { return std::move(in) | of_type<Number>() | take(2) | map(&Number::value); }),
            (std::vector<double>{1, 3}));
  EXPECT_EQ(of_two_types(
                7, [](auto in) { return std::move(in) | of_type<Number>() | window(count(3)) | sum(&Number::value); }),
            (std::vector<double>{9, 7}));
}

TEST(OfType, MayStandBehindAFilterOfAllTypes) {
  EXPECT_EQ(of_two_types(9,
                         [](auto in) {
                           return std::move(in) | filter([](const auto& e) { return std::abs(number_of(e)) > 4; }) |
                                  of_type<OtherNumber>() | map(&OtherNumber::value);
                         }),
            (std::vector<double>{6, 8}));
}

TEST(OfType, HasNoStateAndDescribesItself) {
  Bus bus({.thread = false});
  const Handle handle =
      bus.on<Number, OtherNumber>() | of_type<OtherNumber>() | subscribe(saved, [](const OtherNumber&) {});
  const auto lines = handle->pipeline().describe();
  EXPECT_EQ(lines[1], "of_type(OtherNumber)");
  EXPECT_NE(lines[2].find("OtherNumber"), std::string::npos);
  static_assert(std::is_empty_v<decltype(of_type<Number>())>);
}

TEST(OfType, MayBeUnsubscribedOrFail) {
  Bus bus({.thread = false});
  int seen = 0;
  const auto listen = [&] {
    return bus.on<Number, OtherNumber>() | of_type<OtherNumber>() | subscribe([&](const OtherNumber&) { ++seen; });
  };
  const Handle handle = listen();
  bus.publish(OtherNumber{1});
  bus.flush();
  handle->end();
  bus.publish(OtherNumber{2});
  bus.flush();
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(drawn<2>({"-1--|", "--2-|"},
                     [](auto a, auto b) {
                       return both(a, b) | of_type<OtherNumber>() | map([](const OtherNumber& e) {
                                return e.value == 2 ? throw MarbleError("two") : e.value;
                              });
                     }),
            "--#");
}

TEST(OfType, AHandlerMayPublishWhatItListensTo) {
  Bus bus({.thread = false});
  std::vector<double> seen;
  bus.on<Number, OtherNumber>() | of_type<OtherNumber>() | subscribe([&](const OtherNumber& e) {
    seen.push_back(e.value);
    bus.publish(Number{e.value});
    if (e.value < 10) bus.publish(OtherNumber{e.value + 10});
  });
  bus.publish(OtherNumber{1});
  bus.publish(OtherNumber{2});
  bus.flush();
  EXPECT_EQ(seen, (std::vector<double>{1, 2, 11, 12}));
}

TEST(OfType, IsWhatAReferenceMakesOfRandomStreams) {
  compare(
      [](auto a, auto) {
        return bus_of(a)->template on<Number, OtherNumber>() | of_type<OtherNumber>() | map(&OtherNumber::value);
      },
      [](const Arrivals& s) {
        Values out;
        for (const Arrival& one : s)
          if (one.value && one.which == 1) out.push_back(*one.value);
        return out;
      });
}

}  // namespace
