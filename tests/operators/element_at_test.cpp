#include "operators/cut.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <sidestep/operators/element_at.hpp>
#include <sidestep/operators/start_with.hpp>
#include <sidestep/operators/take_last.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;

const auto third = [](auto in) { return std::move(in) | element_at(2); };

TEST(ElementAt, CountsFromZeroAndEndsTheStream) {
  EXPECT_EQ(marble("-1-2-3-4|", third), "5:3 5:|");
  EXPECT_EQ(marble("-1-2|", [](auto in) { return std::move(in) | element_at(0); }), "1:1 1:|");
}

TEST(ElementAt, EmitsNothingOfAShorterStream) {
  EXPECT_EQ(marble("-1-2|", third), "4:|");
  EXPECT_EQ(marble("--|", third), "2:|");
}

TEST(ElementAt, TheLastOfTheStreamIsEnough) { EXPECT_EQ(marble("-1-2-3|", third), "5:3 5:|"); }

TEST(ElementAt, OfSeveralValuesThatOneEventBringsIsOne) {
  EXPECT_EQ(marble("-1-2|", [](auto in) { return std::move(in) | start_with(7, 8, 9) | element_at(1); }), "1:8 1:|");
  EXPECT_EQ(marble("1234|", [](auto in) { return std::move(in) | take_last(3) | element_at(1); }), "4:3 4:|");
}

TEST(ElementAt, LetsAWindowBehindItEmitWhatItHas) {
  EXPECT_EQ(marble("-1-2-3-4|", [](auto in) { return std::move(in) | element_at(2) | window(count(2)) | sum(); }),
            "5:3 5:|");
  EXPECT_EQ(marble("-1-2-3-4|", [](auto in) { return std::move(in) | window(count(2)) | sum() | element_at(1); }),
            "7:7 7:|");
}

TEST(ElementAt, MayBeEndedByWhatFollowsOrFromOutside) {
  EXPECT_EQ(marble("123|", [](auto in) { return std::move(in) | element_at(1) | take(0); }), "1:|");
  EXPECT_EQ(unsubscribed("-1-2!-3|", third), "");
}

TEST(ElementAt, RefusesNegativeNumbers) { EXPECT_THROW(element_at(-1), OperatorError); }

TEST(ElementAt, IsWhatAReferenceMakesOfRandomStreams) {
  for (const int n : {0, 2, 7})
    compare([n](auto in) { return std::move(in) | element_at(n); },
            [n](const Moments& s) {
              const Values all = values_of(s);
              const auto at = static_cast<std::size_t>(n);
              return at < all.size() ? Said({all[at]}, Said::End::by_itself) : Said(Values{});
            });
}

TEST(ElementAt, GoesOnFromAnyCut) {
  expect_same_at_every_cut("element_at", third);
  expect_words_for_damage("element_at", third);
}

TEST(ElementAt, DescribesItself) { EXPECT_EQ(described(third)[3], "element_at(2)"); }

TEST(ElementAt, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(third); }

}  // namespace
