#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <sidestep/operators/skip_while.hpp>
#include <sidestep/operators/start_with.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;

const auto from_three = [](auto in) { return std::move(in) | skip_while([](double x) { return x < 3; }); };

TEST(SkipWhile, LetsTheFirstOtherValuePassAndAllThatFollows) {
  EXPECT_EQ(marble("-1-2-3-1|", from_three), "5:3 7:1 8:|");
}

TEST(SkipWhile, DropsNothingIfTheFirstIsOtherwise) { EXPECT_EQ(marble("-3-1|", from_three), "1:3 3:1 4:|"); }

TEST(SkipWhile, DropsAllIfNoneIs) {
  EXPECT_EQ(marble("-1-2|", from_three), "4:|");
  EXPECT_EQ(marble("--|", from_three), "2:|");
}

TEST(SkipWhile, NaNComparesFalseAndOpensIt) {
  const auto nan_at_two = map([](double x) { return x == 2 ? std::nan("") : x; });
  EXPECT_EQ(marble("-1-2-1|",
                   [&](auto in) { return std::move(in) | nan_at_two | skip_while([](double x) { return x < 3; }); }),
            "3:nan 5:1 6:|");
}

TEST(SkipWhile, AsksNothingMoreThen) {
  EXPECT_EQ(
      marble("-1-3-2|",
             [](auto in) { return std::move(in) | skip_while([](double x) { return x < 2 || (x < 3 && asked()); }); }),
      "3:3 5:2 6:|");
}

TEST(SkipWhile, LooksAtEachOfSeveralValuesThatOneEventBrings) {
  EXPECT_EQ(
      marble("1|",
             [](auto in) { return std::move(in) | start_with(1, 3) | skip_while([](double x) { return x < 3; }); }),
      "0:3 0:1 1:|");
}

TEST(SkipWhile, WindowsBehindItBeginWithWhatPasses) {
  EXPECT_EQ(marble("1341|",
                   [](auto in) {
                     return std::move(in) | skip_while([](double x) { return x < 3; }) | window(count(2)) | sum();
                   }),
            "2:7 4:1 4:|");
}

TEST(SkipWhile, MayBeEndedByWhatFollowsOrFromOutside) {
  EXPECT_EQ(
      marble("134|", [](auto in) { return std::move(in) | skip_while([](double x) { return x < 3; }) | take(1); }),
      "1:3 1:|");
  EXPECT_EQ(unsubscribed("1!3|", from_three), "");
}

TEST(SkipWhile, APredicateThatThrowsFailsThePipeline) {
  EXPECT_EQ(drawn<1>({"-1-2|"},
                     [](auto in) { return std::move(in) | skip_while([](double x) { return x < 2 || asked(); }); }),
            "---#");
}

TEST(SkipWhile, IsWhatAReferenceMakesOfRandomStreams) {
  compare(from_three, [](const Moments& s) {
    const Values all = values_of(s);
    return Values(std::find_if(all.begin(), all.end(), [](double x) { return !(x < 3); }), all.end());
  });
}

TEST(SkipWhile, GoesOnFromAnyCut) {
  expect_same_at_every_cut("skip_while", from_three);
  expect_words_for_damage("skip_while", from_three);
}

TEST(SkipWhile, DescribesItself) {
  EXPECT_EQ(described([](auto in) { return std::move(in) | skip_while(is_finite); })[3], "skip_while(is_finite)");
}

TEST(SkipWhile, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(from_three); }

}  // namespace
