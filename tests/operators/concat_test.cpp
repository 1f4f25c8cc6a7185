#include "operators/two_inputs.hpp"
#include "operators/usual_cases.hpp"

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

constexpr auto after_two = [](auto a, auto b) { return concat(std::move(a) | take(2), std::move(b)); };

TEST(Concat, TheSecondFollowsWhenTheFirstHasEnded) { EXPECT_EQ(script("a1 a2 b3 b4 |", after_two), "1 2 3 4 |"); }

TEST(Concat, WhatTheSecondEmitsBeforeIsDropped) { EXPECT_EQ(script("b9 a1 b8 a2 b3 a7 |", after_two), "1 2 3 |"); }

TEST(Concat, OfNothingIsNothing) {
  EXPECT_EQ(script("|", after_two), "|");
  EXPECT_EQ(script("b1 b2 |", after_two), "|") << "the first has never ended before the stream did";
}

TEST(Concat, AFirstThatLastsIsAllThatComes) {
  EXPECT_EQ(script("a1 b2 a3 |", [](auto a, auto b) { return concat(std::move(a), std::move(b)); }), "1 3 |");
}

TEST(Concat, AnEventThatEntersBothIsTheFirstsEvenIfItEndsIt) { EXPECT_EQ(script("c1 c2 c3 |", after_two), "1 2 3 |"); }

TEST(Concat, WhatTheFirstEmitsAtItsEndComesBeforeTheSecond) {
  EXPECT_EQ(
      script("a1 a2 a3 b4 |",
             [](auto a, auto b) { return concat(std::move(a) | take(3) | window(count(2)) | sum(), std::move(b)); }),
      "3 3 4 |");
}

TEST(Concat, EndsWhenBothHaveEnded) {
  EXPECT_EQ(
      script("a1 b2 b3 b4 |", [](auto a, auto b) { return concat(std::move(a) | take(1), std::move(b) | take(2)); }),
      "1 2 3 |");
  EXPECT_EQ(
      script("b2 b3 a1 b4 a5 |", [](auto a, auto b) { return concat(std::move(a) | take(1), std::move(b) | take(2)); }),
      "1 |")
      << "the second had ended before its time";
}

TEST(Concat, ATakeBehindItEndsAll) {
  EXPECT_EQ(
      script("a1 a2 b3 b4 |", [](auto a, auto b) { return concat(std::move(a) | take(2), std::move(b)) | take(3); }),
      "1 2 3 |");
}

TEST(Concat, EndedByItsHandleItEmitsNothingMore) { EXPECT_EQ(script("a1 a2 b3 ! b4 |", after_two), "1 2 3"); }

TEST(Concat, AnErrorBeforeOrBehindItFailsThePipeline) {
  EXPECT_EQ(script("a1 x |", after_two), "1 #");
  EXPECT_EQ(script("a1 y a2 |", after_two), "1 #") << "of the second too, while the first lasts";
  EXPECT_EQ(script("a1 a2 b3 |",
                   [](auto a, auto b) { return concat(std::move(a) | take(2), std::move(b)) | map(ThrowsAt{3}); }),
            "1 2 #");
}

TEST(Concat, OfThree) {
  EXPECT_EQ(script("c1 c2 c3 c4 |",
                   [](auto a, auto b) {
                     Bus* const bus = bus_of(a);
                     return concat(
                         concat(std::move(a) | take(1), std::move(b) | take(2) | map([](double x) { return 10 * x; })),
                         input_of<Number>(*bus) | map([](double x) { return 100 * x; }));
                   }),
            "1 20 300 400 |");
}

TEST(Concat, StandsBeforeObserveOn) {
  EXPECT_EQ(script("a1 a2 b3 |",
                   [](auto a, auto b) { return concat(std::move(a) | take(2), std::move(b)) | observe_on(io); }),
            "1 2 3 |");
}

TEST(Concat, RefusesDifferentBuses) {
  Bus bus({.thread = false}), other({.thread = false});
  EXPECT_THROW((void)concat(input_of<Number>(bus), input_of<Number>(other)), OperatorError);
}

TEST(Concat, AHandlerMayPublishWhatItListensTo) { EXPECT_EQ(answered(3, after_two), "1 11 2 "); }

TEST(Concat, IsWhatItsReferenceSays) {
  compare(after_two, [](const Arrivals& arrivals) {
    Values out;
    int left = 2;
    for (const Arrival& one : arrivals) {
      if (!one.value) continue;
      const bool first = left > 0;
      if (one.which != 1 && first) out.push_back(*one.value), --left;
      if (one.which != 0 && !first) out.push_back(*one.value);
    }
    return out;
  });
}

TEST(Concat, SavesWhichOfThemItIs) {
  expect_same_at_every_cut("concat", after_two);
  expect_words_for_damage("concat", after_two);
}

TEST(Concat, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases_of_two(after_two); }

}  // namespace
