#include "operators/two_inputs.hpp"
#include "operators/usual_cases.hpp"

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

constexpr auto sum_with_latest = [](auto a, auto b) {
  return std::move(a) | with_latest_from(std::move(b), std::plus<>());
};

TEST(WithLatestFrom, EmitsForEachValueWithTheNewestOfTheOther) {
  EXPECT_EQ(script("b10 a1 a2 b20 b30 a3 |", sum_with_latest), "11 12 33 |");
}

TEST(WithLatestFrom, DropsWhatComesBeforeTheFirstOfTheOther) {
  EXPECT_EQ(script("a1 a2 b10 a3 |", sum_with_latest), "13 |");
  EXPECT_EQ(script("a1 a2 |", sum_with_latest), "|");
}

TEST(WithLatestFrom, OfNothingIsNothing) {
  EXPECT_EQ(script("|", sum_with_latest), "|");
  EXPECT_EQ(script("b1 b2 |", sum_with_latest), "|");
}

TEST(WithLatestFrom, AnEventThatEntersBothMeetsTheOneBefore) {
  EXPECT_EQ(script("c1 c2 c3 |", sum_with_latest), "3 5 |");
}

TEST(WithLatestFrom, EndsWithItsStreamWhateverTheOtherDoes) {
  EXPECT_EQ(
      script("b10 a1 a2 b3 |",
             [](auto a, auto b) { return std::move(a) | take(1) | with_latest_from(std::move(b), std::plus<>()); }),
      "11 |");
}

TEST(WithLatestFrom, GoesOnWithTheLastOfTheOtherWhenThatHasEnded) {
  EXPECT_EQ(
      script("b10 a1 b20 a2 |",
             [](auto a, auto b) { return std::move(a) | with_latest_from(std::move(b) | take(1), std::plus<>()); }),
      "11 12 |");
}

TEST(WithLatestFrom, EndsWhenTheOtherEndsWithoutAValue) {
  EXPECT_EQ(
      script("a1 b10 a2 |",
             [](auto a, auto b) { return std::move(a) | with_latest_from(std::move(b) | take(0), std::plus<>()); }),
      "|");
}

TEST(WithLatestFrom, EndsAtOnceNotWithTheNextEvent) {
  EXPECT_EQ(
      script("b10 a1 ? |",
             [](auto a, auto b) { return std::move(a) | take(1) | with_latest_from(std::move(b), std::plus<>()); }),
      "11 | over");
  EXPECT_EQ(
      script("a1 ? b10 ? |",
             [](auto a, auto b) { return std::move(a) | with_latest_from(std::move(b) | take(0), std::plus<>()); }),
      "on | over");
}

TEST(WithLatestFrom, AWindowBehindItEmitsWhatItHas) {
  EXPECT_EQ(script("b10 a1 a2 a3 a4 |",
                   [](auto a, auto b) {
                     return std::move(a) | take(3) | with_latest_from(std::move(b), std::plus<>()) | window(count(2)) |
                            sum();
                   }),
            "23 13 |");
}

TEST(WithLatestFrom, ATakeBehindItEndsAll) {
  EXPECT_EQ(
      script("b10 a1 a2 a3 |",
             [](auto a, auto b) { return std::move(a) | with_latest_from(std::move(b), std::plus<>()) | take(2); }),
      "11 12 |");
}

TEST(WithLatestFrom, EndedByItsHandleItEmitsNothingMore) { EXPECT_EQ(script("b10 a1 ! a2 |", sum_with_latest), "11"); }

TEST(WithLatestFrom, AnErrorBeforeItInItOrBehindItFailsThePipeline) {
  EXPECT_EQ(script("b10 a1 x a1 |", sum_with_latest), "11 #");
  EXPECT_EQ(script("b10 a1 y a1 |", sum_with_latest), "11 #");
  EXPECT_EQ(script("b10 a1 a2 |",
                   [](auto a, auto b) {
                     return std::move(a) |
                            with_latest_from(std::move(b), [](double x, double y) { return ThrowsAt{2}(x) + y; });
                   }),
            "11 #");
  EXPECT_EQ(script("b10 a1 a2 |",
                   [](auto a, auto b) {
                     return std::move(a) | with_latest_from(std::move(b), std::plus<>()) | map(ThrowsAt{12});
                   }),
            "11 #");
}

TEST(WithLatestFrom, StandsBeforeObserveOn) {
  EXPECT_EQ(script("b10 a1 a2 |",
                   [](auto a, auto b) {
                     return std::move(a) | with_latest_from(std::move(b), std::plus<>()) | observe_on(io);
                   }),
            "11 12 |");
}

TEST(WithLatestFrom, RefusesDifferentBuses) {
  Bus bus({.thread = false}), other({.thread = false});
  EXPECT_THROW((void)(input_of<Number>(bus) | with_latest_from(input_of<Number>(other), std::plus<>())), OperatorError);
}

TEST(WithLatestFrom, TakesASourceAndValuesOfTwoTypes) {
  Bus bus({.thread = false});
  std::string output;
  bus.on<Number>() |
      with_latest_from(bus.on<OtherNumber>(), [](const Number& a, const OtherNumber& b) { return a.value + b.value; }) |
      subscribe([&](double value) { output += text_of(value) + " "; });
  bus.publish(OtherNumber{10});
  bus.publish(Number{1});
  bus.close();
  EXPECT_EQ(output, "11 ");
}

TEST(WithLatestFrom, AHandlerMayPublishWhatItListensTo) { EXPECT_EQ(answered(4, sum_with_latest), "3 15 "); }

TEST(WithLatestFrom, IsWhatItsReferenceSays) {
  compare(sum_with_latest, [](const Arrivals& arrivals) {
    std::optional<double> b;
    Values out;
    for (const Arrival& one : arrivals) {
      if (!one.value) continue;
      if (one.which != 1 && b) out.push_back(*one.value + *b);
      if (one.which != 0) b = one.value;
    }
    return out;
  });
}

TEST(WithLatestFrom, SavesTheNewestOfTheOther) {
  expect_same_at_every_cut("with_latest_from", sum_with_latest);
  expect_same_at_every_cut("with_latest_from an end", [](auto a, auto b) {
    return std::move(a) | take(6) | with_latest_from(std::move(b) | take(2), std::plus<>());
  });
  expect_words_for_damage("with_latest_from", sum_with_latest);
}

TEST(WithLatestFrom, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases_of_two(sum_with_latest); }

}  // namespace
