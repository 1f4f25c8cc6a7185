#include "operators/answered.hpp"
#include "operators/cut.hpp"
#include "operators/drawn.hpp"
#include "operators/endings.hpp"
#include "operators/stream.hpp"
#include "operators/usual_cases.hpp"

#include <gtest/gtest.h>

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

TEST(Every, LetsEveryNthPass) {
  EXPECT_EQ(marble("-1-2-3-4-5|", [](auto in) { return std::move(in) | every(2); }), "3:2 7:4 10:|");
  EXPECT_EQ(marble("-1-2|", [](auto in) { return std::move(in) | every(1); }), "1:1 3:2 4:|");
  EXPECT_EQ(marble("-1-2|", [](auto in) { return std::move(in) | every(3); }), "4:|");
}

TEST(Every, RefusesZero) {
  EXPECT_THROW(every(0), OperatorError);
  EXPECT_THROW(every(-1), OperatorError);
}

const auto each_second = [](auto in) { return std::move(in) | every(2); };

TEST(Every, OfNothingAndOfFewer) {
  EXPECT_EQ(marble("--|", each_second), "2:|");
  EXPECT_EQ(marble("-1|", each_second), "2:|");
}

TEST(Every, NaNCountsAsAValue) {
  const auto nan_at_two = map([](double x) { return x == 2 ? std::nan("") : x; });
  EXPECT_EQ(marble("1234|", [&](auto in) { return std::move(in) | nan_at_two | every(2); }), "1:nan 3:4 4:|");
}

TEST(Every, OfOneBehindTheOtherIsThatOfTheirProduct) {
  EXPECT_EQ(marble("123456|", [](auto in) { return std::move(in) | every(2) | every(3); }),
            marble("123456|", [](auto in) { return std::move(in) | every(6); }));
}

TEST(Every, BetweenTakes) {
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | take(3) | every(2); }), "1:2 2:|");
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | every(2) | take(1); }), "1:2 1:|");
}

TEST(Every, WindowsHoldWhatPasses) {
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | every(2) | window(count(2)) | sum(); }), "3:6 5:|");
  EXPECT_EQ(marble("12345|", [](auto in) { return std::move(in) | window(count(2)) | sum() | every(2); }), "3:7 5:|");
}

TEST(Every, MayBeUnsubscribedOrFail) {
  EXPECT_EQ(unsubscribed("12!34|", each_second), "2");
  EXPECT_EQ(drawn<1>({"-12#4|"}, each_second), "--2#");
}

TEST(Every, AHandlerMayPublishWhatItListensTo) { EXPECT_EQ(answered(13, each_second), "2 "); }

TEST(Every, GoesOnFromAnyCut) {
  expect_same_at_every_cut("every", each_second);
  expect_words_for_damage("every", each_second);
}

TEST(Every, DescribesItself) { EXPECT_EQ(described(each_second)[3], "every(2)"); }

TEST(Every, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(each_second); }

}  // namespace
