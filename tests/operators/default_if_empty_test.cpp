#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <sidestep/operators/default_if_empty.hpp>
#include <sidestep/operators/first.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;

const auto or_seven = [](auto in) { return std::move(in) | default_if_empty(7); };

TEST(DefaultIfEmpty, EmitsItAtTheEndOfAnEmptyStream) { EXPECT_EQ(marble("---|", or_seven), "3:7 3:|"); }

TEST(DefaultIfEmpty, LeavesAnyOtherAsItIs) {
  EXPECT_EQ(marble("-1-2|", or_seven), "1:1 3:2 4:|");
  EXPECT_EQ(marble("1|", or_seven), "0:1 1:|");
}

TEST(DefaultIfEmpty, NaNIsAValue) {
  EXPECT_EQ(
      marble("1|",
             [](auto in) { return std::move(in) | map([](double) { return std::nan(""); }) | default_if_empty(7); }),
      "0:nan 1:|");
}

TEST(DefaultIfEmpty, SpeaksForAFirstThatFoundNone) {
  const auto great = [](auto in) {
    return std::move(in) | first([](double x) { return x > 4; }) | default_if_empty(7);
  };
  EXPECT_EQ(marble("1-2|", great), "3:7 3:|");
  EXPECT_EQ(marble("1-5|", great), "2:5 2:|");
}

TEST(DefaultIfEmpty, TheStreamMayEndBeforeIt) {
  EXPECT_EQ(marble("12|", [](auto in) { return std::move(in) | take(0) | default_if_empty(7); }), "0:7 0:|");
  EXPECT_EQ(marble("12|", [](auto in) { return std::move(in) | take(1) | default_if_empty(7); }), "0:1 0:|");
}

TEST(DefaultIfEmpty, AnOpenWindowsResultIsAValue) {
  EXPECT_EQ(marble("1|", [](auto in) { return std::move(in) | window(count(2)) | sum() | default_if_empty(7); }),
            "1:1 1:|");
  EXPECT_EQ(marble("1|", [](auto in) { return std::move(in) | window(sliding(2)) | sum() | default_if_empty(7); }),
            "1:7 1:|");
}

TEST(DefaultIfEmpty, WhatFollowsSeesIt) {
  EXPECT_EQ(marble("-|", [](auto in) { return std::move(in) | default_if_empty(7) | window(count(2)) | sum(); }),
            "1:7 1:|");
  EXPECT_EQ(marble("-|", [](auto in) { return std::move(in) | default_if_empty(7) | take(1); }), "1:7 1:|");
  EXPECT_EQ(marble("-|", [](auto in) { return std::move(in) | default_if_empty(7) | default_if_empty(8); }), "1:7 1:|");
}

TEST(DefaultIfEmpty, EmitsNothingWhenItIsUnsubscribedOrFails) {
  EXPECT_EQ(unsubscribed("-!|", or_seven), "");
  EXPECT_EQ(drawn<1>({"-#|"}, or_seven), "-#");
}

TEST(DefaultIfEmpty, ItBecomesAValueOfTheStream) {
  EXPECT_EQ(drawn<1>({"-|"},
                     [](auto in) {
                       return std::move(in) | map([](double x) { return text_of(x); }) | default_if_empty("none");
                     }),
            "-none|");
  static_assert(TakesValuesOf<decltype(default_if_empty(1)), double>);
  static_assert(!TakesValuesOf<decltype(default_if_empty("one")), double>);
}

TEST(DefaultIfEmpty, IsWhatAReferenceMakesOfRandomStreams) {
  compare(or_seven, [](const Moments& s, bool over) {
    const Values all = values_of(s);
    return all.empty() && over ? Values{7} : all;
  });
}

TEST(DefaultIfEmpty, GoesOnFromAnyCut) {
  expect_same_at_every_cut("default_if_empty", or_seven);
  expect_words_for_damage("default_if_empty", or_seven);
}

TEST(DefaultIfEmpty, DescribesItself) { EXPECT_EQ(described(or_seven)[3], "default_if_empty(7)"); }

TEST(DefaultIfEmpty, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(or_seven); }

}  // namespace
