#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <sidestep/operators/start_with.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;

const auto after_seven_eight = [](auto in) { return std::move(in) | start_with(7, 8); };

TEST(StartWith, EmitsThemBeforeTheFirstValueAndWithIt) {
  EXPECT_EQ(marble("--1-2|", after_seven_eight), "2:7 2:8 2:1 4:2 5:|");
  EXPECT_EQ(marble("--1-2|", [](auto in) { return std::move(in) | start_with(0.5); }), "2:0.5 2:1 4:2 5:|");
}

TEST(StartWith, OrAtTheEndIfThereWasNone) { EXPECT_EQ(marble("---|", after_seven_eight), "3:7 3:8 3:|"); }

TEST(StartWith, ThemselvesOnlyOnce) { EXPECT_EQ(marble("1|", after_seven_eight), "0:7 0:8 0:1 1:|"); }

TEST(StartWith, TheNearestToTheEndComesFirst) {
  EXPECT_EQ(marble("1|", [](auto in) { return std::move(in) | start_with(5) | start_with(6); }), "0:6 0:5 0:1 1:|");
  EXPECT_EQ(marble("-|", [](auto in) { return std::move(in) | start_with(5) | start_with(6); }), "1:6 1:5 1:|");
}

TEST(StartWith, MayBeEndedByWhatFollowsInTheMidst) {
  EXPECT_EQ(marble("12|", [](auto in) { return std::move(in) | start_with(7, 8) | take(1); }), "0:7 0:|");
  EXPECT_EQ(marble("12|", [](auto in) { return std::move(in) | start_with(7, 8) | take(3); }), "0:7 0:8 0:1 0:|");
  EXPECT_EQ(marble("--|", [](auto in) { return std::move(in) | start_with(7, 8) | take(1); }), "2:7 2:|");
}

TEST(StartWith, TheStreamMayEndBeforeIt) {
  EXPECT_EQ(marble("12|", [](auto in) { return std::move(in) | take(1) | start_with(7); }), "0:7 0:1 0:|");
  EXPECT_EQ(marble("12|", [](auto in) { return std::move(in) | take(0) | start_with(7); }), "0:7 0:|");
}

TEST(StartWith, WindowsBehindItBeginWithThem) {
  EXPECT_EQ(marble("12|", [](auto in) { return std::move(in) | start_with(7) | window(count(2)) | sum(); }),
            "0:8 2:2 2:|");
}

TEST(StartWith, ThemBeforeTheFirstWindowsResult) {
  EXPECT_EQ(marble("123|", [](auto in) { return std::move(in) | window(count(2)) | sum() | start_with(7); }),
            "1:7 1:3 3:3 3:|");
  EXPECT_EQ(marble("1|", [](auto in) { return std::move(in) | window(count(2)) | sum() | start_with(7); }),
            "1:7 1:1 1:|");
}

TEST(StartWith, ATickIsNoValue) { EXPECT_EQ(marble("----1|", after_seven_eight), "4:7 4:8 4:1 5:|"); }

TEST(StartWith, EmitsNothingWhenItIsUnsubscribedOrFailsBefore) {
  EXPECT_EQ(unsubscribed("-!1|", after_seven_eight), "");
  EXPECT_EQ(drawn<1>({"-#|"}, after_seven_eight), "-#");
}

TEST(StartWith, TheyBecomeValuesOfTheStream) {
  EXPECT_EQ(drawn<1>({"-1|"},
                     [](auto in) {
                       return std::move(in) | map([](double x) { return text_of(x); }) |
                              start_with("first", std::string("then"));
                     }),
            "-firstthen1|");
  static_assert(TakesValuesOf<decltype(start_with(1)), double>);
  static_assert(!TakesValuesOf<decltype(start_with("one")), double>);
}

TEST(StartWith, IsWhatAReferenceMakesOfRandomStreams) {
  compare(after_seven_eight, [](const Moments& s, bool over) {
    Values all = values_of(s);
    if (!all.empty() || over) all.insert(all.begin(), {7, 8});
    return all;
  });
}

TEST(StartWith, GoesOnFromAnyCut) {
  expect_same_at_every_cut("start_with", after_seven_eight);
  expect_words_for_damage("start_with", after_seven_eight);
}

TEST(StartWith, DescribesItself) { EXPECT_EQ(described(after_seven_eight)[3], "start_with(7, 8)"); }

TEST(StartWith, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(after_seven_eight); }

}  // namespace
