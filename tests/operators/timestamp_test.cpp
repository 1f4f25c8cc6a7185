#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <sidestep/operators/last.hpp>
#include <sidestep/operators/start_with.hpp>
#include <sidestep/operators/timestamp.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

struct ValueAndStamp {
  double operator()(const Timestamped<double>& t) const { return 1000 * t.value + static_cast<double>(t.stamp); }
};
const auto stamped = [](auto in) { return std::move(in) | timestamp() | map(ValueAndStamp{}); };

TEST(Timestamp, SaysWhenTheEventHappened) {
  EXPECT_EQ(drawn<1>({"-1----2---|"}, [](auto in) { return std::move(in) | timestamp(); }), "-1@1--2@6-|");
  EXPECT_EQ(marble("--1|",
                   [](auto in) {
                     return std::move(in) | timestamp() | map(&Timestamped<double>::stamp) |
                            map([](Nanoseconds at) { return static_cast<double>(at); });
                   }),
            "2:2 3:|");
}

TEST(Timestamp, OfAnEmptyStreamThereIsNone) { EXPECT_EQ(marble("--|", stamped), "2:|"); }

TEST(Timestamp, TakesStampsAsTheyCome) {
  Driven driven(stamped);
  const Moments stream{{5, 1.0}, {2, 2.0}, {2, 3.0}, {-1, 4.0}};
  driven.run(stream.data(), stream.data() + stream.size(), 2);
  EXPECT_EQ(driven.output, (Values{1005, 2002, 3002, 3999}));
}

TEST(Timestamp, BehindWhatEmitsLaterItIsTheMomentOfThat) {
  EXPECT_EQ(
      marble("-1----|", [](auto in) { return std::move(in) | debounce(3ns) | timestamp() | map(ValueAndStamp{}); }),
      "4:1004 6:|");
  EXPECT_EQ(marble("-1----|", [](auto in) { return std::move(in) | last() | timestamp() | map(ValueAndStamp{}); }),
            "6:1006 6:|");
  EXPECT_EQ(marble("-1----|", [](auto in) { return std::move(in) | timestamp() | last() | map(ValueAndStamp{}); }),
            "6:1001 6:|");
}

TEST(Timestamp, OfSeveralValuesThatOneEventBringsIsTheSame) {
  EXPECT_EQ(marble("-1|", [](auto in) { return std::move(in) | start_with(7) | timestamp() | map(ValueAndStamp{}); }),
            "1:7001 1:1001 2:|");
}

TEST(Timestamp, BetweenTakesAndWindows) {
  EXPECT_EQ(marble("-1-2|", [](auto in) { return std::move(in) | timestamp() | take(1) | map(ValueAndStamp{}); }),
            "1:1001 1:|");
  EXPECT_EQ(
      marble("-1-2|",
             [](auto in) { return std::move(in) | timestamp() | window(count(2)) | sum(&Timestamped<double>::value); }),
      "3:3 4:|");
  EXPECT_EQ(
      marble("-1-2|",
             [](auto in) { return std::move(in) | window(count(2)) | sum() | timestamp() | map(ValueAndStamp{}); }),
      "3:3003 4:|");
}

TEST(Timestamp, NaNToo) {
  EXPECT_EQ(
      drawn<1>({"-1|"}, [](auto in) { return std::move(in) | map([](double) { return std::nan(""); }) | timestamp(); }),
      "-nan@1|");
}

TEST(Timestamp, MayBeUnsubscribedOrFail) {
  EXPECT_EQ(
      unsubscribed("1!2|", [](auto in) { return std::move(in) | timestamp() | map(&Timestamped<double>::value); }),
      "1");
  EXPECT_EQ(drawn<1>({"-#|"}, [](auto in) { return std::move(in) | timestamp(); }), "-#");
}

TEST(Timestamp, DependsOnClocks) {
  Driven with(stamped);
  EXPECT_TRUE(with.handle()->options().wall_time);
}

TEST(Timestamp, WhatFollowsMayKeepTheEvent) {
  EXPECT_EQ(of_two_types(99,
                         [](auto in) {
                           return std::move(in) | timestamp() |
                                  last([](const auto& t) { return number_of(t.value) == 5; }) |
                                  map([](const auto& t) { return number_of(t.value); });
                         }),
            Values{5});
}

TEST(Timestamp, OfTextsIsKeptAndSaved) {
  static_assert(Archivable<Timestamped<std::string>>);
  static_assert(Archivable<Timestamped<double>>);
  static_assert(!Archivable<Timestamped<int*>>);
  EXPECT_EQ((Timestamped<double>{1, 2}), (Timestamped<double>{1, 2}));
  EXPECT_NE((Timestamped<double>{1, 2}), (Timestamped<double>{1, 3}));
  const auto kept = [](auto in) {
    return std::move(in) | map([](double x) { return std::string(30, 'x') + text_of(x); }) | timestamp() | last() |
           map([](const Timestamped<std::string>& t) {
             return static_cast<double>(t.value.back()) + static_cast<double>(t.stamp);
           });
  };
  EXPECT_EQ(marble("-1-2|", kept), "4:53 4:|");
  expect_same_at_every_cut("timestamp, last", kept);
  expect_words_for_damage("timestamp, last", kept);
}

TEST(Timestamp, IsWhatAReferenceMakesOfRandomStreams) {
  compare(stamped, [](const Moments& s) {
    Values out;
    for (const Moment& m : s)
      if (m.value) out.push_back(1000 * *m.value + static_cast<double>(m.at));
    return out;
  });
}

TEST(Timestamp, GoesOnFromAnyCut) { expect_same_at_every_cut("timestamp", stamped); }

TEST(Timestamp, DescribesItself) { EXPECT_EQ(described(stamped)[3], "timestamp"); }

TEST(Timestamp, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(stamped); }

}  // namespace
