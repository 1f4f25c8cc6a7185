#include "operators/cut.hpp"
#include "operators/endings.hpp"
#include "operators/reference.hpp"
#include "operators/usual_cases.hpp"

#include <sidestep/operators/skip.hpp>

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;

const auto all_but_two = [](auto in) { return std::move(in) | skip(2); };

TEST(Skip, DropsTheFirst) { EXPECT_EQ(marble("-1-2-3-4|", all_but_two), "5:3 7:4 8:|"); }

TEST(Skip, OfAShorterStreamNothingIsLeft) {
  EXPECT_EQ(marble("-1-2|", all_but_two), "4:|");
  EXPECT_EQ(marble("-1|", all_but_two), "2:|");
  EXPECT_EQ(marble("--|", all_but_two), "2:|");
}

TEST(Skip, ZeroDropsNothing) {
  EXPECT_EQ(marble("12|", [](auto in) { return std::move(in) | skip(0); }), "0:1 1:2 2:|");
}

TEST(Skip, NaNCountsAsAValue) {
  const auto nan_at_one = map([](double x) { return x == 1 ? std::nan("") : x; });
  EXPECT_EQ(marble("1213|", [&](auto in) { return std::move(in) | nan_at_one | skip(2); }), "2:nan 3:3 4:|");
}

TEST(Skip, TwoAddUp) {
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | skip(1) | skip(2); }), "3:4 4:5 5:|");
}

TEST(Skip, BetweenTakes) {
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | take(3) | skip(2); }), "2:3 2:|");
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | skip(2) | take(1); }), "2:3 2:|");
}

TEST(Skip, WindowsBehindItBeginWithWhatPasses) {
  EXPECT_EQ(marble("1234|", [](auto in) { return std::move(in) | skip(1) | window(count(2)) | sum(); }), "2:5 4:4 4:|");
}

TEST(Skip, DropsWhatAWindowMakes) {
  EXPECT_EQ(marble("1234|", [](auto in) { return std::move(in) | window(count(2)) | sum() | skip(1); }), "3:7 4:|");
}

TEST(Skip, MayBeEndedFromOutside) { EXPECT_EQ(unsubscribed("-1-2-3!-4|", all_but_two), "3"); }

TEST(Skip, RefusesNegativeNumbers) { EXPECT_THROW(skip(-1), OperatorError); }

TEST(Skip, IsWhatAReferenceMakesOfRandomStreams) {
  for (const std::size_t n : {0, 2, 9})
    compare([n](auto in) { return std::move(in) | skip(static_cast<std::int64_t>(n)); },
            [n](const Moments& s) {
              const Values all = values_of(s);
              return Values(all.begin() + static_cast<std::ptrdiff_t>(std::min(n, all.size())), all.end());
            });
}

TEST(Skip, GoesOnFromAnyCut) {
  expect_same_at_every_cut("skip", all_but_two);
  expect_words_for_damage("skip", all_but_two);
}

TEST(Skip, DescribesItself) { EXPECT_EQ(described(all_but_two)[3], "skip(2)"); }

TEST(Skip, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(all_but_two); }

}  // namespace
