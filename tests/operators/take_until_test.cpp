#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <sidestep/operators/start_with.hpp>
#include <sidestep/operators/take_until.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;

struct OverTwo {
  bool operator()(double x) const { return x > 2; }
};
const auto until_great = [](auto in) { return std::move(in) | take_until(OverTwo{}); };

TEST(TakeUntil, TheValueThatEndsItPasses) {
  EXPECT_EQ(marble("-1-2-3-1|", until_great), "1:1 3:2 5:3 5:|");
  EXPECT_EQ(marble("-5-1|", until_great), "1:5 1:|");
}

TEST(TakeUntil, EndsWithTheStreamIfNoneIsTrue) {
  EXPECT_EQ(marble("-1-2|", until_great), "1:1 3:2 4:|");
  EXPECT_EQ(marble("--|", until_great), "2:|");
}

TEST(TakeUntil, NaNComparesFalseAndDoesNotEndIt) {
  const auto nan_at_two = map([](double x) { return x == 2 ? std::nan("") : x; });
  EXPECT_EQ(marble("-2-3-1|", [&](auto in) { return std::move(in) | nan_at_two | take_until(OverTwo{}); }),
            "1:nan 3:3 3:|");
}

TEST(TakeUntil, OfSeveralValuesThatOneEventBringsNoneFollowsTheEnd) {
  EXPECT_EQ(marble("1|", [](auto in) { return std::move(in) | start_with(1, 3, 4) | take_until(OverTwo{}); }),
            "0:1 0:3 0:|");
}

TEST(TakeUntil, AsksAfterTheValueWasEmitted) {
  EXPECT_EQ(drawn<1>({"-1-2|"},
                     [](auto in) { return std::move(in) | take_until([](double x) { return x > 1 && asked(); }); }),
            "-1-2#");
}

TEST(TakeUntil, LetsAWindowBehindItEmitWhatItHas) {
  EXPECT_EQ(
      marble("-1-2-4-5|", [](auto in) { return std::move(in) | take_until(OverTwo{}) | window(count(2)) | sum(); }),
      "3:3 5:4 5:|");
}

TEST(TakeUntil, MayBeEndedByWhatFollowsOrFromOutside) {
  EXPECT_EQ(marble("-1-2|", [](auto in) { return std::move(in) | take_until(OverTwo{}) | take(1); }), "1:1 1:|");
  EXPECT_EQ(unsubscribed("-1!-2|", until_great), "1");
}

TEST(TakeUntil, IsWhatAReferenceMakesOfRandomStreams) {
  compare(until_great, [](const Moments& s) {
    Values out;
    for (const double x : values_of(s)) {
      out.push_back(x);
      if (x > 2) return Said(out, Said::End::by_itself);
    }
    return Said(out);
  });
}

TEST(TakeUntil, GoesOnFromAnyCut) {
  expect_same_at_every_cut("take_until", until_great);
  expect_words_for_damage("take_until", until_great);
}

TEST(TakeUntil, ItsStateSaysThatItIsOver) {
  const auto stage = take_until(OverTwo{});
  EXPECT_EQ(reloaded_between(stage, stage, Values{1, 3}, Values{2}), (Values{1, 3}));
  EXPECT_EQ(reloaded_between(stage, stage, Values{1}, Values{2}), (Values{1, 2}));
}

TEST(TakeUntil, DescribesItself) {
  EXPECT_EQ(described([](auto in) { return std::move(in) | take_until(not_finite); })[3], "take_until(not_finite)");
}

TEST(TakeUntil, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(until_great); }

}  // namespace
