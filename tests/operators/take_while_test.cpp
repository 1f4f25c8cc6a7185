#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <sidestep/operators/start_with.hpp>
#include <sidestep/operators/take_while.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;

struct UnderThree {
  bool operator()(double x) const { return x < 3; }
};
const auto while_small = [](auto in) { return std::move(in) | take_while(UnderThree{}); };
const auto small_and_one = [](auto in) { return std::move(in) | take_while(UnderThree{}, {.inclusive = true}); };

TEST(TakeWhile, EndsWithTheFirstValueThatIsOtherwiseAndDropsIt) {
  EXPECT_EQ(marble("-1-2-3-1|", while_small), "1:1 3:2 5:|");
  EXPECT_EQ(marble("-5-1|", while_small), "1:|");
}

TEST(TakeWhile, InclusiveLetsThatValuePass) {
  EXPECT_EQ(marble("-1-2-3-1|", small_and_one), "1:1 3:2 5:3 5:|");
  EXPECT_EQ(marble("-5-1|", small_and_one), "1:5 1:|");
}

TEST(TakeWhile, EndsWithTheStreamIfAllAreTrue) {
  EXPECT_EQ(marble("-1-2|", while_small), "1:1 3:2 4:|");
  EXPECT_EQ(marble("-1-2|", small_and_one), "1:1 3:2 4:|");
  EXPECT_EQ(marble("--|", while_small), "2:|");
}

TEST(TakeWhile, NaNComparesFalseAndEndsIt) {
  const auto nan_at_two = map([](double x) { return x == 2 ? std::nan("") : x; });
  EXPECT_EQ(marble("-1-2-1|", [&](auto in) { return std::move(in) | nan_at_two | take_while(UnderThree{}); }),
            "1:1 3:|");
}

TEST(TakeWhile, OfSeveralValuesThatOneEventBringsNoneFollowsTheEnd) {
  EXPECT_EQ(marble("1|", [](auto in) { return std::move(in) | start_with(1, 3, 2) | take_while(UnderThree{}); }),
            "0:1 0:|");
  EXPECT_EQ(marble("1|",
                   [](auto in) {
                     return std::move(in) | start_with(1, 3, 4) | take_while(UnderThree{}, {.inclusive = true});
                   }),
            "0:1 0:3 0:|");
}

TEST(TakeWhile, AsksNothingAfterTheEnd) {
  const auto up_to_three = [](double x) { return x == 1 || (x > 3 && asked()); };
  EXPECT_EQ(marble("1|", [&](auto in) { return std::move(in) | start_with(1, 3, 4) | take_while(up_to_three); }),
            "0:1 0:|");
}

TEST(TakeWhile, LetsAWindowBehindItEmitWhatItHas) {
  EXPECT_EQ(
      marble("-1-4|", [](auto in) { return std::move(in) | take_while(UnderThree{}) | window(count(2)) | sum(); }),
      "3:1 3:|");
}

TEST(TakeWhile, MayBeEndedByWhatFollowsOrFromOutside) {
  EXPECT_EQ(marble("-1-2|", [](auto in) { return std::move(in) | take_while(UnderThree{}) | take(1); }), "1:1 1:|");
  EXPECT_EQ(unsubscribed("-1!-2|", while_small), "1");
}

TEST(TakeWhile, APredicateThatThrowsFailsThePipeline) {
  EXPECT_EQ(drawn<1>({"-1-2|"},
                     [](auto in) { return std::move(in) | take_while([](double x) { return x < 2 || asked(); }); }),
            "-1-#");
}

TEST(TakeWhile, IsWhatAReferenceMakesOfRandomStreams) {
  compare(while_small, [](const Moments& s) {
    Values out;
    for (const double x : values_of(s)) {
      if (!(x < 3)) return Said(out, Said::End::by_itself);
      out.push_back(x);
    }
    return Said(out);
  });
  compare(small_and_one, [](const Moments& s) {
    Values out;
    for (const double x : values_of(s)) {
      out.push_back(x);
      if (!(x < 3)) return Said(out, Said::End::by_itself);
    }
    return Said(out);
  });
}

TEST(TakeWhile, GoesOnFromAnyCut) {
  expect_same_at_every_cut("take_while", while_small);
  expect_same_at_every_cut("take_while inclusive", small_and_one);
  expect_words_for_damage("take_while", while_small);
}

TEST(TakeWhile, ItsStateSaysThatItIsOver) {
  const auto stage = take_while(UnderThree{});
  EXPECT_EQ(reloaded_between(stage, stage, Values{1, 3}, Values{2}), Values{1});
  EXPECT_EQ(reloaded_between(stage, stage, Values{1}, Values{2}), (Values{1, 2}));
}

TEST(TakeWhile, DescribesItself) {
  EXPECT_EQ(described(while_small)[3], "take_while");
  EXPECT_EQ(described([](auto in) { return std::move(in) | take_while(is_finite, {.inclusive = true}); })[3],
            "take_while(is_finite, inclusive)");
}

TEST(TakeWhile, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(while_small); }

}  // namespace
