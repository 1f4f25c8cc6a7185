#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <sidestep/operators/last.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;

const auto the_last = [](auto in) { return std::move(in) | last(); };
const auto last_under_three = [](auto in) { return std::move(in) | last([](double x) { return x < 3; }); };

TEST(Last, EmitsTheLastValueWhenTheStreamEnds) {
  EXPECT_EQ(marble("-1-2-3--|", the_last), "8:3 8:|");
  EXPECT_EQ(marble("-1|", the_last), "2:1 2:|");
}

TEST(Last, EmitsNothingWhereThereIsNone) {
  EXPECT_EQ(marble("---|", the_last), "3:|");
  EXPECT_EQ(marble("-4-5|", last_under_three), "4:|");
}

TEST(Last, EmitsTheLastThatThePredicateSaysTrueTo) { EXPECT_EQ(marble("-1-2-3|", last_under_three), "6:2 6:|"); }

TEST(Last, NaNIsAValueThatComparesFalse) {
  const auto nan_at_two = map([](double x) { return x == 2 ? std::nan("") : x; });
  EXPECT_EQ(marble("-1-2|", [&](auto in) { return std::move(in) | nan_at_two | last(); }), "4:nan 4:|");
  EXPECT_EQ(marble("-1-2|", [&](auto in) { return std::move(in) | nan_at_two | last([](double x) { return x < 3; }); }),
            "4:1 4:|");
}

TEST(Last, TheStreamMayEndBeforeIt) {
  EXPECT_EQ(marble("-1-2-3|", [](auto in) { return std::move(in) | take(2) | last(); }), "3:2 3:|");
}

TEST(Last, IsTheOpenWindowsWhereOneIsOpen) {
  EXPECT_EQ(marble("-1-2-3|", [](auto in) { return std::move(in) | window(count(2)) | sum() | last(); }), "6:3 6:|");
  EXPECT_EQ(marble("-1-2-3|", [](auto in) { return std::move(in) | last() | window(count(2)) | sum(); }), "6:3 6:|");
}

TEST(Last, MayBeEndedByWhatFollows) {
  EXPECT_EQ(marble("-1-2|", [](auto in) { return std::move(in) | last() | take(1); }), "4:2 4:|");
}

TEST(Last, EmitsNothingWhenItIsUnsubscribed) {
  EXPECT_EQ(unsubscribed("-1-2|", the_last), "2 |");
  EXPECT_EQ(unsubscribed("-1-2!-3|", the_last), "");
}

TEST(Last, AnErrorEmitsNothing) {
  EXPECT_EQ(drawn<1>({"-1-#|"}, the_last), "---#");
  EXPECT_EQ(
      drawn<1>({"-1-2|"}, [](auto in) { return std::move(in) | last([](double x) { return x < 2 || asked(); }); }),
      "---#");
}

TEST(Last, KeepsTheEventAndNotItsSlot) {
  EXPECT_EQ(of_two_types(98,
                         [](auto in) {
                           return std::move(in) | last([](const auto& e) { return number_of(e) == -4; }) |
                                  map(number_of);
                         }),
            Values{-4});
}

TEST(Last, IsWhatAReferenceMakesOfRandomStreams) {
  compare(the_last, [](const Moments& s, bool over) {
    const Values all = values_of(s);
    return all.empty() || !over ? Values{} : Values{all.back()};
  });
  compare(last_under_three, [](const Moments& s, bool over) {
    Values out;
    if (!over) return out;
    for (const double x : values_of(s))
      if (x < 3) out = {x};
    return out;
  });
}

TEST(Last, GoesOnFromAnyCut) {
  expect_same_at_every_cut("last", the_last);
  expect_same_at_every_cut("last(f)", last_under_three);
  expect_words_for_damage("last", the_last);
}

TEST(Last, DescribesItself) { EXPECT_EQ(described(the_last)[3], "last"); }

TEST(Last, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(the_last); }

}  // namespace
