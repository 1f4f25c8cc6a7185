#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"
#include "operators/stream.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Tap, SeesEachValueAndLetsItPass) {
  std::vector<double> seen;
  EXPECT_EQ(marble("-1-2|", [&](auto in) { return std::move(in) | tap([&](double x) { seen.push_back(x); }); }),
            "1:1 3:2 4:|");
  EXPECT_EQ(seen, (std::vector<double>{1, 2}));
}

TEST(Tap, IsCalledBeforeWhatFollows) {
  std::string order;
  marble("-1|", [&](auto in) {
    return std::move(in) | tap([&](double) { order += 'a'; }) | tap([&](double) { order += 'b'; });
  });
  EXPECT_EQ(order, "ab");
}

const auto tapped = [](auto in) { return std::move(in) | tap([](double) {}); };

TEST(Tap, OfNothingNothingIsSeen) {
  EXPECT_EQ(marble("--|", [&](auto in) { return std::move(in) | tap([](double) { throw MarbleError("seen"); }); }),
            "2:|");
}

TEST(Tap, SeesWhatPassesItAndNotWhatFollowsKeeps) {
  int seen = 0;
  EXPECT_EQ(marble("1234|", [&](auto in) { return std::move(in) | tap([&](double) { ++seen; }) | every(2) | take(1); }),
            "1:2 1:|");
  EXPECT_EQ(seen, 2);
}

TEST(Tap, SeesWhatAWindowMakes) {
  Values seen;
  EXPECT_EQ(marble("123|",
                   [&](auto in) {
                     return std::move(in) | window(count(2)) | sum() | tap([&](double x) { seen.push_back(x); });
                   }),
            "1:3 3:3 3:|");
  EXPECT_EQ(seen, (Values{3, 3}));
}

TEST(Tap, WhatItsFunctionAnswersIsIgnored) {
  EXPECT_EQ(marble("1|", [](auto in) { return std::move(in) | tap([](double) { return false; }); }), "0:1 1:|");
}

TEST(Tap, MayBeUnsubscribedOrFail) {
  EXPECT_EQ(unsubscribed("1!2|", tapped), "1");
  EXPECT_EQ(drawn<1>({"-1#2|"}, tapped), "-1#");
  EXPECT_EQ(drawn<1>({"-1-2|"},
                     [](auto in) {
                       return std::move(in) | tap([](double x) {
                                if (x == 2) throw MarbleError("two");
                              });
                     }),
            "-1-#");
}

TEST(Tap, MayPublishWhatTheChainListensTo) {
  Bus bus({.thread = false});
  Values seen, out;
  bus.on<Number>() | map(&Number::value) | tap([&](double x) {
    seen.push_back(x);
    if (x < 3) bus.publish(Number{x + 10});
  }) | subscribe([&](double x) { out.push_back(x); });
  bus.publish(Number{1});
  bus.publish(Number{2});
  bus.flush();
  EXPECT_EQ(seen, (Values{1, 2, 11, 12}));
  EXPECT_EQ(out, seen) << "what it publishes comes behind what it was called for";
}

TEST(Tap, IsWhatAReferenceMakesOfRandomStreams) { compare(tapped, values_of); }

TEST(Tap, GoesOnFromAnyCut) { expect_same_at_every_cut("tap", tapped); }

TEST(Tap, DescribesItself) { EXPECT_EQ(described(tapped)[3], "tap"); }

TEST(Tap, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(tapped); }

}  // namespace
