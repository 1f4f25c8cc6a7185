#include "operators/endings.hpp"
#include "operators/two_inputs.hpp"
#include "operators/usual_cases.hpp"

namespace {
using namespace sidestep;
using namespace sidestep::test;
using namespace std::chrono_literals;

constexpr auto latest_sum = [](auto a, auto b) { return combine_latest(std::move(a), std::move(b), std::plus<>()); };

TEST(CombineLatest, EmitsWhenEitherComesOnceBothHave) {
  EXPECT_EQ(script("a1 a2 b10 a3 b20 b30 |", latest_sum), "12 13 23 33 |");
}

TEST(CombineLatest, OfNothingOrOfOneSideIsNothing) {
  EXPECT_EQ(script("|", latest_sum), "|");
  EXPECT_EQ(script("a1 a2 |", latest_sum), "|");
  EXPECT_EQ(script("b1 |", latest_sum), "|");
}

TEST(CombineLatest, AnEventThatEntersBothEmitsTwice) { EXPECT_EQ(script("c1 c2 |", latest_sum), "2 3 4 |"); }

TEST(CombineLatest, GoesOnWithTheLastOfAnInputThatEnded) {
  EXPECT_EQ(script("a1 b10 a2 b20 |",
                   [](auto a, auto b) { return combine_latest(std::move(a) | take(1), std::move(b), std::plus<>()); }),
            "11 21 |");
}

TEST(CombineLatest, EndsWhenBothHaveEnded) {
  EXPECT_EQ(script("a1 b10 b20 a2 b30 |",
                   [](auto a, auto b) {
                     return combine_latest(std::move(a) | take(2), std::move(b) | take(1), std::plus<>());
                   }),
            "11 12 |");
}

TEST(CombineLatest, EndsWhenAnInputEndsThatNeverEmitted) {
  EXPECT_EQ(script("a1 b10 b20 |",
                   [](auto a, auto b) {
                     return combine_latest(std::move(a) | take(1) | filter([](double) { return false; }), std::move(b),
                                           std::plus<>());
                   }),
            "|");
  EXPECT_EQ(script("a1 b10 a20 |",
                   [](auto a, auto b) { return combine_latest(std::move(a), std::move(b) | take(0), std::plus<>()); }),
            "|");
}

TEST(CombineLatest, EndsAtOnceNotWithTheNextEvent) {
  const auto both = [](auto a, auto b) {
    return combine_latest(std::move(a) | take(1), std::move(b) | take(1), std::plus<>());
  };
  EXPECT_EQ(script("a1 ? b2 ? |", both), "on 3 | over");
  EXPECT_EQ(script("b2 ? a1 ? |", both), "on 3 | over");
  EXPECT_EQ(script("b1 ? |",
                   [](auto a, auto b) { return combine_latest(std::move(a), std::move(b) | take(0), std::plus<>()); }),
            "| over");
}

TEST(CombineLatest, WhatAnInputEmitsAtItsEndCounts) {
  EXPECT_EQ(script("a1 b10 a2 a3 |",
                   [](auto a, auto b) {
                     return combine_latest(std::move(a) | window(count(2)) | sum(), std::move(b), std::plus<>());
                   }),
            "13 13 |");
}

TEST(CombineLatest, ATakeBehindItEndsAllInTheMiddleOfAnEvent) {
  EXPECT_EQ(script("c1 c2 c3 |",
                   [](auto a, auto b) { return combine_latest(std::move(a), std::move(b), std::plus<>()) | take(2); }),
            "2 3 |");
}

TEST(CombineLatest, EndedByItsHandleItEmitsNothingMore) { EXPECT_EQ(script("c1 ! c2 |", latest_sum), "2"); }

TEST(CombineLatest, AnErrorBeforeItInItOrBehindItFailsThePipeline) {
  EXPECT_EQ(script("c1 x b1 |", latest_sum), "2 #");
  EXPECT_EQ(script("c1 y b1 |", latest_sum), "2 #");
  EXPECT_EQ(script("c1 a2 |",
                   [](auto a, auto b) {
                     return combine_latest(std::move(a), std::move(b),
                                           [](double x, double y) { return ThrowsAt{2}(x) + y; });
                   }),
            "2 #");
  EXPECT_EQ(script("c1 a2 |",
                   [](auto a, auto b) {
                     return combine_latest(std::move(a), std::move(b), std::plus<>()) | map(ThrowsAt{3});
                   }),
            "2 #");
}

TEST(CombineLatest, StandsBeforeObserveOnNotBehindIt) {
  EXPECT_EQ(
      script("c1 c2 |",
             [](auto a, auto b) { return combine_latest(std::move(a), std::move(b), std::plus<>()) | observe_on(io); }),
      "2 3 4 |");
  using Elsewhere = decltype(std::declval<Source<Number>>() | observe_on(io));
  static_assert(!detail::Input<Elsewhere>);
}

TEST(CombineLatest, RefusesDifferentBuses) {
  Bus bus({.thread = false}), other({.thread = false});
  EXPECT_THROW((void)combine_latest(input_of<Number>(bus), input_of<Number>(other), std::plus<>()), OperatorError);
}

TEST(CombineLatest, AHandlerMayPublishWhatItListensTo) { EXPECT_EQ(answered(4, latest_sum), "2 13 3 4 15 "); }

TEST(CombineLatest, NaNIsAValueLikeOthers) { EXPECT_EQ(script("a1 b1 anan b2 a1 |", latest_sum), "2 nan nan 3 |"); }

TEST(CombineLatest, KeepsEventsOfSeveralTypesWhole) {
  const auto pairs = of_two_types(6, [](auto in) {
    Bus* const bus = bus_of(in);
    return combine_latest(std::move(in) | filter([](const auto& e) { return number_of(e) > 0; }),
                          bus->on<Number, OtherNumber>() | filter([](const auto& e) { return number_of(e) < 0; }),
                          [](const auto& a, const auto& b) { return number_of(a) * 100 + number_of(b); });
  });
  EXPECT_EQ(pairs, (Values{98, 298, 296, 496, 494}));
}

TEST(CombineLatest, IsWhatItsReferenceSays) {
  compare(latest_sum, [](const Arrivals& arrivals) {
    std::optional<double> a, b;
    Values out;
    for (const Arrival& one : arrivals) {
      if (!one.value) continue;
      if (one.which != 1) {
        a = one.value;
        if (b) out.push_back(*a + *b);
      }
      if (one.which != 0) {
        b = one.value;
        if (a) out.push_back(*a + *b);
      }
    }
    return out;
  });
}

TEST(CombineLatest, SavesTheNewestOfEach) {
  expect_same_at_every_cut("combine_latest", latest_sum);
  expect_same_at_every_cut("combine_latest of ends", [](auto a, auto b) {
    return combine_latest(std::move(a) | take(3), std::move(b) | take(2), std::plus<>()) | every(2);
  });
  expect_words_for_damage("combine_latest", latest_sum);
}

TEST(CombineLatest, DependsOnAClockIfAnInputDoes) {
  EXPECT_FALSE(DrivenByTwo(latest_sum).handle()->options().wall_time);
  EXPECT_TRUE(DrivenByTwo([](auto a, auto b) {
                return combine_latest(std::move(a), std::move(b) | throttle(5ns), std::plus<>());
              })
                  .handle()
                  ->options()
                  .wall_time);
}

TEST(CombineLatest, AnErrorAnUnsubscriptionAndAnAnswerAnywhere) { expect_usual_cases_of_two(latest_sum); }

}  // namespace
