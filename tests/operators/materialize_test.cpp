#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <sidestep/operators/dematerialize.hpp>
#include <sidestep/operators/last.hpp>
#include <sidestep/operators/materialize.hpp>
#include <sidestep/operators/take_last.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;

struct ValueOrMinusOne {
  double operator()(const Notification<double>& n) const { return n.value.value_or(-1); }
};
const auto materialized = [](auto in) { return std::move(in) | materialize() | map(ValueOrMinusOne{}); };

TEST(Materialize, EmitsTheValuesAndTheEnd) {
  EXPECT_EQ(drawn<1>({"-1--2--|"}, [](auto in) { return std::move(in) | materialize(); }), "-(1)(2)(end)|");
  EXPECT_EQ(marble("1-2-|", materialized), "0:1 2:2 4:-1 4:|");
  EXPECT_EQ(marble("1|", materialized), "0:1 1:-1 1:|");
}

TEST(Materialize, OfAnEmptyStreamTheEndAlone) { EXPECT_EQ(marble("--|", materialized), "2:-1 2:|"); }

TEST(Materialize, AnEndThatComesOfItselfToo) {
  EXPECT_EQ(marble("123|", [](auto in) { return std::move(in) | take(2) | materialize() | map(ValueOrMinusOne{}); }),
            "0:1 1:2 1:-1 1:|");
}

TEST(Materialize, NaNIsAValue) {
  EXPECT_EQ(drawn<1>({"-1---|"},
                     [](auto in) { return std::move(in) | map([](double) { return std::nan(""); }) | materialize(); }),
            "-(nan)(end)|");
}

TEST(Materialize, AnErrorIsNotMaterialised) { EXPECT_EQ(drawn<1>({"-1-#|"}, materialized), "-1-#"); }

TEST(Materialize, AnUnsubscriptionIsNoEnd) { EXPECT_EQ(unsubscribed("1!2|", materialized), "1"); }

TEST(Materialize, MayBeEndedByWhatFollows) {
  EXPECT_EQ(marble("12|", [](auto in) { return std::move(in) | materialize() | take(1) | map(ValueOrMinusOne{}); }),
            "0:1 0:|");
  EXPECT_EQ(marble("1|", [](auto in) { return std::move(in) | materialize() | take(2) | map(ValueOrMinusOne{}); }),
            "0:1 1:-1 1:|");
}

TEST(Materialize, AnOpenWindowsResultComesBeforeTheEnd) {
  EXPECT_EQ(
      marble("123|",
             [](auto in) { return std::move(in) | window(count(2)) | sum() | materialize() | map(ValueOrMinusOne{}); }),
      "1:3 3:3 3:-1 3:|");
  EXPECT_EQ(
      marble("12|", [](auto in) { return std::move(in) | materialize() | window(count(2)) | sum(ValueOrMinusOne{}); }),
      "1:3 2:-1 2:|");
}

TEST(Materialize, WhatFollowsMayKeepTheEvent) {
  EXPECT_EQ(of_two_types(99,
                         [](auto in) {
                           return std::move(in) | materialize() | take_last(3) |
                                  map([](const auto& n) { return n.completed() ? 0 : number_of(*n.value); });
                         }),
            (Values{-98, 99, 0}));
}

TEST(Materialize, NotificationsAreKeptAndSaved) {
  static_assert(Archivable<Notification<std::string>>);
  static_assert(!Archivable<Notification<int*>>);
  EXPECT_EQ(Notification<int>{3}, Notification<int>{3});
  EXPECT_NE(Notification<int>{3}, Notification<int>{});
  const auto kept = [](auto in) {
    return std::move(in) | map([](double x) { return std::string(30, 'x') + text_of(x); }) | materialize() |
           take_last(2) | map([](const Notification<std::string>& n) {
             return n.completed() ? -1.0 : static_cast<double>(n.value->back());
           });
  };
  EXPECT_EQ(marble("-1-2|", kept), "4:50 4:-1 4:|");
  expect_same_at_every_cut("materialize, take_last", kept);
  expect_words_for_damage("materialize, take_last", kept);
}

TEST(Materialize, IsWhatAReferenceMakesOfRandomStreams) {
  compare(materialized, [](const Moments& s, bool over) {
    Values all = values_of(s);
    if (over) all.push_back(-1);
    return all;
  });
}

TEST(Materialize, GoesOnFromAnyCut) { expect_same_at_every_cut("materialize", materialized); }

TEST(Materialize, DescribesItself) {
  EXPECT_EQ(described(materialized)[3], "materialize");
  EXPECT_EQ(described(materialized)[4], "Notification<double>");
}

TEST(Materialize, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(materialized); }

}  // namespace
