#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <sidestep/operators/default_if_empty.hpp>
#include <sidestep/operators/ignore_elements.hpp>
#include <sidestep/operators/reduce.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;

const auto nothing = [](auto in) { return std::move(in) | ignore_elements(); };

TEST(IgnoreElements, LetsOnlyTheEndPass) {
  EXPECT_EQ(marble("1-2-|", nothing), "4:|");
  EXPECT_EQ(marble("1|", nothing), "1:|");
  EXPECT_EQ(marble("--|", nothing), "2:|");
}

TEST(IgnoreElements, AnEndThatComesOfItselfToo) {
  EXPECT_EQ(marble("1-2-3|", [](auto in) { return std::move(in) | take(2) | ignore_elements(); }), "2:|");
}

TEST(IgnoreElements, AnErrorToo) { EXPECT_EQ(drawn<1>({"1-#|"}, nothing), "--#"); }

TEST(IgnoreElements, WhatStandsBeforeItHappens) {
  EXPECT_EQ(marble("12|",
                   [sum = 0.0](auto in) mutable {
                     return std::move(in) | tap([&](double x) { sum += x; }) | ignore_elements() | default_if_empty(0) |
                            map([&](double) { return sum; });
                   }),
            "2:3 2:|");
}

TEST(IgnoreElements, WhatStandsBehindItSeesAnEmptyStream) {
  EXPECT_EQ(marble("12|", [](auto in) { return std::move(in) | ignore_elements() | default_if_empty(7); }), "2:7 2:|");
  EXPECT_EQ(marble("12|", [](auto in) { return std::move(in) | ignore_elements() | reduce(5.0, std::plus<>()); }),
            "2:5 2:|");
  EXPECT_EQ(marble("12|", [](auto in) { return std::move(in) | ignore_elements() | window(count(2)) | sum(); }), "2:|");
  EXPECT_EQ(marble("12|", [](auto in) { return std::move(in) | ignore_elements() | take(1); }), "2:|");
}

TEST(IgnoreElements, DropsAnOpenWindow) {
  EXPECT_EQ(marble("123|", [](auto in) { return std::move(in) | window(count(2)) | sum() | ignore_elements(); }),
            "3:|");
}

TEST(IgnoreElements, MayBeUnsubscribed) { EXPECT_EQ(unsubscribed("12!|", nothing), ""); }

TEST(IgnoreElements, OfRandomStreamsNothingIsLeft) {
  compare(nothing, [](const Moments&) { return Values{}; });
}

TEST(IgnoreElements, GoesOnFromAnyCut) { expect_same_at_every_cut("ignore_elements", nothing); }

TEST(IgnoreElements, DescribesItself) { EXPECT_EQ(described(nothing)[3], "ignore_elements"); }

TEST(IgnoreElements, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(nothing, false); }

}  // namespace
