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

TEST(Take, EndsTheStreamWithTheNth) {
  EXPECT_EQ(marble("-1-2-3-4|", [](auto in) { return std::move(in) | take(2); }), "1:1 3:2 3:|");
  EXPECT_EQ(marble("-1-|", [](auto in) { return std::move(in) | take(2); }), "1:1 3:|");
}

TEST(Take, ZeroEndsAtTheFirstValue) {
  EXPECT_EQ(marble("-1-2|", [](auto in) { return std::move(in) | take(0); }), "1:|");
}

TEST(Take, LetsAWindowBehindItEmitWhatItHas) {
  EXPECT_EQ(marble("-1-2-3-4|", [](auto in) { return std::move(in) | take(3) | window(count(2)) | mean(); }),
            "3:1.5 5:3 5:|");
}

TEST(Take, TheShorterOfTwoCounts) {
  EXPECT_EQ(marble("-1-2-3-4|", [](auto in) { return std::move(in) | take(3) | take(2); }), "1:1 3:2 3:|");
  EXPECT_EQ(marble("-1-2-3-4|", [](auto in) { return std::move(in) | take(2) | take(3); }), "1:1 3:2 3:|");
}

// What is behind the stage that ended gets its end; what lies between two that ended at once gets none, since nobody
// listens.
TEST(Take, AWindowBetweenTwoThatEndAtOnceIsNotFlushed) {
  EXPECT_EQ(marble("-1-2-3|", [](auto in) { return std::move(in) | take(2) | window(count(2)) | mean() | take(1); }),
            "3:1.5 3:|");
}

TEST(Take, CompletesTheSubscriptionAndStaysOverWhenItIsLoaded) {
  Driven first([](auto in) { return std::move(in) | take(1); });
  const Moments stream{{1, 1.0}, {2, 2.0}};
  first.run(stream.data(), stream.data() + 2, 8);
  EXPECT_EQ(first.handle()->life(), Subscription::Life::completed);
  EXPECT_TRUE(first.pipeline().over());
  States states = first.save();

  Driven second([](auto in) { return std::move(in) | take(1); });
  second.load(states);
  EXPECT_EQ(second.handle()->life(), Subscription::Life::completed);
  second.run(stream.data(), stream.data() + 2, 8);
  EXPECT_TRUE(second.output.empty());
}

TEST(Take, ReturnsHowManySlotsItTook) {
  Driven driven([](auto in) { return std::move(in) | take(2); });
  std::vector<Slot> slots;
  for (Sequence i = 1; i <= 5; ++i) slots.push_back(slot_of({1, 1.0}, i));
  EXPECT_EQ(driven.pipeline().run(slots), 2u);
  EXPECT_EQ(driven.output.size(), 2u);
}

TEST(Take, RefusesNegativeNumbers) { EXPECT_THROW(take(-1), OperatorError); }

const auto first_two = [](auto in) { return std::move(in) | take(2); };

TEST(Take, OfNothing) { EXPECT_EQ(marble("--|", first_two), "2:|"); }

TEST(Take, NaNCountsAsAValue) {
  const auto nan_at_two = map([](double x) { return x == 2 ? std::nan("") : x; });
  EXPECT_EQ(marble("123|", [&](auto in) { return std::move(in) | nan_at_two | take(2); }), "0:1 1:nan 1:|");
}

TEST(Take, MayBeUnsubscribedOrFail) {
  EXPECT_EQ(unsubscribed("1!2|", first_two), "1");
  EXPECT_EQ(drawn<1>({"-1#2|"}, first_two), "-1#");
  EXPECT_EQ(drawn<1>({"-12#|"}, first_two), "-12|") << "what comes behind its end can't fail it";
}

TEST(Take, AHandlerMayPublishWhatItListensTo) {
  EXPECT_EQ(answered(3, [](auto in) { return std::move(in) | take(3); }), "1 11 2 ");
}

TEST(Take, GoesOnFromAnyCut) {
  expect_same_at_every_cut("take", first_two);
  expect_words_for_damage("take", first_two);
}

TEST(Take, DescribesItself) { EXPECT_EQ(described(first_two)[3], "take(2)"); }

TEST(Take, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases(first_two); }

}  // namespace
