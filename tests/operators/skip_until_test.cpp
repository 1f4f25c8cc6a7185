#include "operators/two_inputs.hpp"
#include "operators/usual_cases.hpp"

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

constexpr auto skipped_until = [](auto a, auto b) { return std::move(a) | skip_until(std::move(b)); };

TEST(SkipUntil, DropsValuesUntilTheOtherEmits) { EXPECT_EQ(script("a1 a2 b9 a3 b8 a4 |", skipped_until), "3 4 |"); }

TEST(SkipUntil, OfNothingIsNothing) {
  EXPECT_EQ(script("|", skipped_until), "|");
  EXPECT_EQ(script("b9 |", skipped_until), "|");
  EXPECT_EQ(script("a1 a2 |", skipped_until), "|") << "the other never came";
}

TEST(SkipUntil, AnEventThatEntersBothIsTheLastThatIsDropped) {
  EXPECT_EQ(script("a1 c2 a3 c4 |", skipped_until), "3 4 |");
}

TEST(SkipUntil, EndsWithItsStream) {
  EXPECT_EQ(script("b9 a1 a2 |", [](auto a, auto b) { return std::move(a) | take(1) | skip_until(std::move(b)); }),
            "1 |");
  EXPECT_EQ(script("a1 b9 a2 |", [](auto a, auto b) { return std::move(a) | take(1) | skip_until(std::move(b)); }),
            "|");
}

TEST(SkipUntil, EndsWhenTheOtherEndsWithoutAValue) {
  EXPECT_EQ(script("a1 b9 a2 |", [](auto a, auto b) { return std::move(a) | skip_until(std::move(b) | take(0)); }),
            "|");
}

TEST(SkipUntil, StaysOpenWhenTheOtherEndsBehindAValue) {
  EXPECT_EQ(
      script("a1 b9 a2 b8 a3 |", [](auto a, auto b) { return std::move(a) | skip_until(std::move(b) | take(1)); }),
      "2 3 |");
}

TEST(SkipUntil, WhatTheOtherEmitsAtItsEndOpensIt) {
  EXPECT_EQ(script("a1 b9 a2 b9 a3 |",
                   [](auto a, auto b) { return std::move(a) | skip_until(std::move(b) | take(2) | completes()); }),
            "3 |");
}

TEST(SkipUntil, AWindowBehindItEmitsWhatItHas) {
  EXPECT_EQ(script("a1 b9 a2 a3 a4 |",
                   [](auto a, auto b) { return std::move(a) | skip_until(std::move(b)) | window(count(2)) | sum(); }),
            "5 4 |");
}

TEST(SkipUntil, ATakeBehindItEndsAll) {
  EXPECT_EQ(script("b9 a1 a2 a3 |", [](auto a, auto b) { return std::move(a) | skip_until(std::move(b)) | take(2); }),
            "1 2 |");
}

TEST(SkipUntil, EndedByItsHandleItEmitsNothingMore) { EXPECT_EQ(script("b9 a1 ! a2 |", skipped_until), "1"); }

TEST(SkipUntil, AnErrorOfEitherOrBehindItFailsThePipeline) {
  EXPECT_EQ(script("b9 a1 x |", skipped_until), "1 #");
  EXPECT_EQ(script("b9 a1 y |", skipped_until), "1 #");
  EXPECT_EQ(script("a1 x |", skipped_until), "#") << "while it is closed too";
  EXPECT_EQ(
      script("b9 a1 a2 |", [](auto a, auto b) { return std::move(a) | skip_until(std::move(b)) | map(ThrowsAt{2}); }),
      "1 #");
}

TEST(SkipUntil, StandsBeforeObserveOn) {
  EXPECT_EQ(
      script("a1 b9 a2 |", [](auto a, auto b) { return std::move(a) | skip_until(std::move(b)) | observe_on(io); }),
      "2 |");
}

TEST(SkipUntil, WithTakeUntilItIsAPieceOfTheStream) {
  EXPECT_EQ(script("a1 b1 a2 a3 b2 a4 |",
                   [](auto a, auto b) {
                     Bus* const bus = bus_of(a);
                     return std::move(a) | skip_until(std::move(b) | filter([](double x) { return x == 1; })) |
                            take_until(input_of<OtherNumber>(*bus) | filter([](double x) { return x == 2; }));
                   }),
            "2 3 |");
}

TEST(SkipUntil, RefusesDifferentBuses) {
  Bus bus({.thread = false}), other({.thread = false});
  EXPECT_THROW((void)(input_of<Number>(bus) | skip_until(input_of<Number>(other))), OperatorError);
}

TEST(SkipUntil, AHandlerMayPublishWhatItListensTo) { EXPECT_EQ(answered(5, skipped_until), "2 12 "); }

TEST(SkipUntil, IsWhatItsReferenceSays) {
  compare(skipped_until, [](const Arrivals& arrivals) {
    Values out;
    bool open = false;
    for (const Arrival& one : arrivals) {
      if (one.value && one.which != 1 && open) out.push_back(*one.value);
      open |= one.value && one.which != 0;
    }
    return out;
  });
}

TEST(SkipUntil, SavesThatItIsOpen) {
  expect_same_at_every_cut("skip_until", skipped_until);
  expect_words_for_damage("skip_until", skipped_until);
}

TEST(SkipUntil, IsOverAsSoonAsTheOtherHasEndedWithoutAValue) {
  EXPECT_EQ(script("a1 ? b5 ? a2 |", [](auto a, auto b) { return std::move(a) | skip_until(std::move(b) | take(0)); }),
            "on | over");
}

TEST(SkipUntil, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases_of_two(skipped_until); }

}  // namespace
