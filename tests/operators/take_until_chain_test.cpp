#include "operators/two_inputs.hpp"
#include "operators/usual_cases.hpp"

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

constexpr auto until_other = [](auto a, auto b) { return std::move(a) | take_until(std::move(b)); };

TEST(TakeUntilChain, EndsWithTheFirstOfTheOther) { EXPECT_EQ(script("a1 a2 b9 a3 b8 |", until_other), "1 2 |"); }

TEST(TakeUntilChain, OfNothingIsNothing) {
  EXPECT_EQ(script("|", until_other), "|");
  EXPECT_EQ(script("b9 a1 |", until_other), "|");
}

TEST(TakeUntilChain, AnOtherThatNeverEmitsChangesNothing) {
  EXPECT_EQ(script("a1 a2 |", until_other), "1 2 |");
  EXPECT_EQ(script("a1 b9 a2 |", [](auto a, auto b) { return std::move(a) | take_until(std::move(b) | take(0)); }),
            "1 2 |")
      << "nor when it ends";
  EXPECT_EQ(script("a1 b9 a2 |",
                   [](auto a, auto b) {
                     return std::move(a) | take_until(std::move(b) | filter([](double) { return false; }));
                   }),
            "1 2 |");
}

TEST(TakeUntilChain, AnEventThatEntersBothPassesAndEndsIt) { EXPECT_EQ(script("a1 c2 a3 |", until_other), "1 2 |"); }

TEST(TakeUntilChain, WhatTheOtherEmitsAtItsEndEndsIt) {
  EXPECT_EQ(script("a1 b9 a2 b9 a3 |",
                   [](auto a, auto b) { return std::move(a) | take_until(std::move(b) | take(2) | completes()); }),
            "1 2 |");
}

TEST(TakeUntilChain, EndsWithItsOwnStream) {
  EXPECT_EQ(script("a1 a2 b9 |", [](auto a, auto b) { return std::move(a) | take(1) | take_until(std::move(b)); }),
            "1 |");
}

TEST(TakeUntilChain, AWindowBeforeItIsNotFlushedAndOneBehindItIs) {
  EXPECT_EQ(script("a1 a2 a3 b9 |",
                   [](auto a, auto b) { return std::move(a) | window(count(2)) | sum() | take_until(std::move(b)); }),
            "3 |");
  EXPECT_EQ(script("a1 a2 a3 b9 |",
                   [](auto a, auto b) { return std::move(a) | take_until(std::move(b)) | window(count(2)) | sum(); }),
            "3 3 |");
}

TEST(TakeUntilChain, ATakeBehindItEndsAll) {
  EXPECT_EQ(script("a1 a2 b9 |", [](auto a, auto b) { return std::move(a) | take_until(std::move(b)) | take(1); }),
            "1 |");
}

TEST(TakeUntilChain, EndedByItsHandleItEmitsNothingMore) { EXPECT_EQ(script("a1 ! a2 b9 |", until_other), "1"); }

TEST(TakeUntilChain, AnErrorOfEitherOrBehindItFailsThePipeline) {
  EXPECT_EQ(script("a1 x b9 |", until_other), "1 #");
  EXPECT_EQ(script("a1 y a2 |", until_other), "1 #");
  EXPECT_EQ(
      script("a1 a2 |", [](auto a, auto b) { return std::move(a) | take_until(std::move(b)) | map(ThrowsAt{2}); }),
      "1 #");
  EXPECT_EQ(script("a1 b9 x y |", until_other), "1 |") << "what is over can't fail";
}

TEST(TakeUntilChain, StandsBeforeObserveOn) {
  EXPECT_EQ(
      script("a1 a2 b9 a3 |", [](auto a, auto b) { return std::move(a) | take_until(std::move(b)) | observe_on(io); }),
      "1 2 |");
}

TEST(TakeUntilChain, TakesValuesOfAnotherType) {
  Bus bus({.thread = false});
  std::string output;
  bus.on<Number>() | map(&Number::value) | take_until(bus.on<Metric>()) |
      subscribe([&](double value) { output += text_of(value); });
  bus.publish(Number{1});
  bus.publish(Metric{});
  bus.publish(Number{2});
  bus.close();
  EXPECT_EQ(output, "1");
}

TEST(TakeUntilChain, RefusesDifferentBuses) {
  Bus bus({.thread = false}), other({.thread = false});
  EXPECT_THROW((void)(input_of<Number>(bus) | take_until(input_of<Number>(other))), OperatorError);
}

TEST(TakeUntilChain, AHandlerMayPublishWhatItListensTo) { EXPECT_EQ(answered(5, until_other), "1 "); }

TEST(TakeUntilChain, IsWhatItsReferenceSays) {
  compare(until_other, [](const Arrivals& arrivals) {
    Values out;
    for (const Arrival& one : arrivals) {
      if (one.value && one.which != 1) out.push_back(*one.value);
      if (one.value && one.which != 0) return Said(out, Said::End::by_itself);
    }
    return Said(out);
  });
}

TEST(TakeUntilChain, SavesThatItIsOver) {
  expect_same_at_every_cut("take_until", [](auto a, auto b) {
    return std::move(a) | take_until(std::move(b) | filter([](double x) { return x == 4; }));
  });
  expect_words_for_damage("take_until", [](auto a, auto b) {
    return std::move(a) | take_until(std::move(b) | filter([](double x) { return x == 7; }));
  });
}

TEST(TakeUntilChain, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) {
  expect_usual_cases_of_two([](auto a, auto b) { return std::move(a) | take_until(std::move(b) | skip(1)); });
}

}  // namespace
